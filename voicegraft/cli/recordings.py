"""Run a model on recordings one by one; report errors in one line, without a stack trace."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

import typer
from tqdm import tqdm

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
    model: Callable[..., F], recordings: Sequence[Path], shown: Callable[[Path, F, bool], str]
) -> Iterator[bool]:
    """Print the result of `model` for each recording; yield whether it was read whole.

    Args:
        shown: formats a result, given the recording, the result, and whether there are several
            recordings.
    """
    for number, recording in enumerate(recordings, 1):
        of = f"{number}/{len(recordings)} " if len(recordings) > 1 else ""
        bar = tqdm(
            desc=f"{of}{legible(recording.name)}", unit="s of audio", leave=False, disable=None
        )
        try:
            with bar:
                found = model(recording, progress=lambda s, bar=bar: bar.update(round(s)))
            line = shown(recording, found, len(recordings) > 1)
        except MISTAKES as error:
            complain(error)
            yield False
            continue
        typer.echo(line)
        if found.damage:
            complain(found.damage)
        yield not found.damage


def json_line(recording: Path, found: Found, several: bool) -> str:  # noqa: ARG001
    """Return the result as one JSON object."""
    return json.dumps({"file": legible(recording)} | asdict(found), ensure_ascii=False)
