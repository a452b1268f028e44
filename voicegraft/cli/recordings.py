"""What a user did wrong is told in one line, without a stack trace.

One recording after the other: a bar for each, and none stops the others.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Protocol, TypeVar

import typer
from tqdm import tqdm

from voicegraft.inference.recordings import find_recordings
from voicegraft.pipeline.command import MISTAKES
from voicegraft.speech.names import legible


def complain(what: object) -> None:
    """Write one line to standard error."""
    typer.echo(f"voicegraft: {what}", err=True)


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Tell a mistake, and end the command with status 1."""
    try:
        yield
    except MISTAKES as error:
        complain(error)
        raise typer.Exit(1) from None


class Found(Protocol):
    """What a model says of a recording."""

    damage: str


F = TypeVar("F", bound=Found)


def each_recording(
    model: Callable[..., F], files: Sequence[str], shown: Callable[[str, F, bool], str]
) -> Iterator[bool]:
    """Print what `model` says of each recording in `files`, and yield whether it was whole.

    Args:
        shown: makes of a recording's name, what was found, and whether there are several, what is
            printed.
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
    """Return what was found as one JSON object."""
    return json.dumps({"file": recording} | asdict(found), ensure_ascii=False)
