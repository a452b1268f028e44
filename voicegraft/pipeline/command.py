"""Run a stage as a command: help from its docstring, a user's mistake in one line."""

import atexit
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import psutil
import typer

MISTAKES = (ValueError, RuntimeError, OSError)
"""What bad input raises: its message is meant for the user, a stack trace is not."""
STOPS = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1
PATIENCE_SECONDS = 3.0


class StoppedError(SystemExit):
    """The user or the system stops the process: status 130 for Ctrl-C, 143 for SIGTERM.

    Attributes:
        children: what it had started by then, at any depth; a child that is ended on the way out
            leaves its own children behind, which are no more found as ours.
    """

    def __init__(self, number: int):
        super().__init__(128 + number)
        self.children = psutil.Process().children(recursive=True)


def run_stage(main: Callable[..., None]) -> None:
    """Call `main` with the arguments of the command line.

    A mistake of the user's ends the process with its message and status 1; set
    VOICEGRAFT_TRACEBACK=1 to see where it came from. If it is stopped, what it began is tidied, its
    children end, and so it does. Where DVC runs it, it is stopped when DVC ends.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    # \b keeps click from joining the lines of a paragraph.
    text = (sys.modules[main.__module__].__doc__ or "").replace("\n\n", "\n\n\b\n")
    app.command(help=text)(main)
    # To look through all that torch brings for garbage, again at the end, takes half a second.
    gc.freeze()
    atexit.register(gc.freeze)
    name = os.path.basename(sys.argv[0])
    _heed_stops()
    try:
        app()
    except StoppedError as stop:
        _end(stop.children)
        print(f"{name}: stopped by {signal.Signals(stop.code - 128).name}", file=sys.stderr)
        raise
    except MISTAKES as error:
        if os.environ.get("VOICEGRAFT_TRACEBACK"):
            raise
        sys.exit(f"{name}: {error}")


def _heed_stops() -> None:
    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)
    if "DVC_STAGE" in os.environ and sys.platform == "linux":
        # Killed alone, DVC leaves its stage to run on, beside that of the next run (prctl(2)).
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in STOPS:
        signal.signal(each, signal.SIG_DFL)  # the second ends the process at once
    raise StoppedError(number)


def _end(children: list[psutil.Process]) -> None:
    """Stop them, and kill those that do not stop."""
    ours = [child for child in children if not _tidies_memory(child)]
    for child in ours:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    for child in psutil.wait_procs(ours, PATIENCE_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _tidies_memory(child: psutil.Process) -> bool:
    """Return whether it is Python's tracker of shared memory, which tidies once this one ends."""
    try:
        return "resource_tracker" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False


def pace(audio_seconds: float, seconds: float) -> str:
    """Return a line with both times, and their ratio: the real-time factor, and its inverse."""
    return (
        f"{audio_seconds / 3600:.2f} hours of audio in {seconds:.0f} s: "
        f"{audio_seconds / seconds:.1f} × real time "
        f"(real-time factor {seconds / audio_seconds:.4f})"
    )
