"""What a user did wrong is told in one line, without a stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from voicegraft.command import MISTAKES


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
