"""Run a model on recordings one by one; report errors in one line, without a stack trace."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Protocol, TypeVar

import typer
from tqdm import tqdm

from voicegraft.inference.recordings import find_recordings
from voicegraft.pipeline.command import MISTAKES
from voicegraft.speech.audio import legible


def complain(what: object) -> None:
    """Write one line to standard error."""
    typer.echo(f"voicegraft: {what}", err=True)


@contextmanager
def mistakes_reported() -> Iterator[None]:
    """Print a user's mistake, and end the command with status 1."""
    try:
        yield
    except MISTAKES as error:
        complain(error)
        raise typer.Exit(1) from None


class Found(Protocol):
    """Result of a model on a recording."""

    damage: str


F = TypeVar("F", bound=Found)


def each_recording(
    model: Callable[..., F], files: Sequence[str], shown: Callable[[str, F, bool], str]
) -> Iterator[bool]:
    """Print the result of `model` for each recording in `files`; yield whether it was read whole.

    Args:
        shown: formats a result, given the recording's name, the result, and whether there are
            several recordings.
    """
    recordings = list(find_recordings(files))
    for recording in recordings:
        try:
            with tqdm(
                desc=legible(recording.name), unit="s of audio", leave=False, disable=None
            ) as bar:
                found = model(
                    recording, progress=lambda seconds, bar=bar: bar.update(round(seconds))
                )
        except MISTAKES as error:
            complain(error)
            yield False
            continue
        typer.echo(shown(legible(recording), found, len(recordings) > 1))
        if found.damage:
            complain(found.damage)
        yield not found.damage


def json_line(recording: str, found: Found, several: bool) -> str:  # noqa: ARG001
    """Return the result as one JSON object."""
    return json.dumps({"file": recording} | asdict(found), ensure_ascii=False)
