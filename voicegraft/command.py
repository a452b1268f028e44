"""Run a stage as a command: help from its docstring, the user's mistakes in one line."""

import atexit
import gc
import os
import sys
from collections.abc import Callable

import typer

MISTAKES = (ValueError, RuntimeError, OSError)
"""What bad input raises: its message is meant for the user, a stack trace is not."""


def run_stage(main: Callable[..., None]) -> None:
    """Call `main` with the arguments of the command line.

    A mistake of the user's ends the process with its message and status 1; set
    VOICEGRAFT_TRACEBACK=1 to see where it came from.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    # \b keeps click from joining the lines of a paragraph.
    text = (sys.modules[main.__module__].__doc__ or "").replace("\n\n", "\n\n\b\n")
    app.command(help=text)(main)
    # To look through all that torch brings for garbage, again at the end, takes half a second.
    gc.freeze()
    atexit.register(gc.freeze)
    try:
        app()
    except MISTAKES as error:
        if os.environ.get("VOICEGRAFT_TRACEBACK"):
            raise
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
