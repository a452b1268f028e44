"""Run a stage as a command: its docstring is the help, and a user's mistake is one line."""

import atexit
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Timer
from types import FrameType
from typing import Any, NoReturn

import psutil
import typer

MISTAKES = (ValueError, RuntimeError, OSError)
"""Errors from bad input: the user gets the message without a stack trace."""
STOPS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_SECONDS = 3.0
REPEATED_SECONDS = 0.5
SOON_SECONDS = 0.05


class StoppedError(SystemExit):
    """The user or the system stops the process: status 130 for Ctrl-C, 143 for SIGTERM.

    Attributes:
        children: the processes that it had started, at any depth. They are listed at once, because
            the children of a child that has ended can no longer be found.
    """

    def __init__(self, number: int):
        super().__init__(128 + number)
        self.children = psutil.Process().children(recursive=True)


ASKED: list[StoppedError] = []
"""Stops of this process: a library may make another error of one, as safetensors does."""


def run_stage(main: Callable[..., None]) -> None:
    """Call `main` with the arguments of the command line.

    A user's mistake ends the process with a message and status 1; VOICEGRAFT_TRACEBACK=1 shows the
    stack trace. If the process is stopped, it removes partial files and ends its children first.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    # \b keeps click from joining the lines of a paragraph.
    text = (sys.modules[main.__module__].__doc__ or "").replace("\n\n", "\n\n\b\n")
    app.command(help=text)(main)
    # A garbage collection over all objects of torch at exit takes half a second.
    gc.freeze()
    atexit.register(gc.freeze)
    _heed_stops()
    try:
        app()
    except BaseException as error:
        _conclude(error)
    finally:
        _replace(_stop, _stop_at_end)


def _conclude(error: BaseException) -> NoReturn:
    """End the process by the stop that it was asked for, or by a user's mistake, in a line."""
    if ASKED:
        _end(ASKED[0].children)
        _let_go(error)
        _say_stopped(ASKED[0].code - 128)
        raise ASKED[0] from None
    if not isinstance(error, MISTAKES) or os.environ.get("VOICEGRAFT_TRACEBACK"):
        raise error
    _let_go(error)
    sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")


def _let_go(error: BaseException) -> None:
    """Free what the stage held when it ended, so that no bar is drawn after the line that follows.

    A bar that is not closed draws itself once more as it is freed, else by the end of Python.
    """
    traceback.clear_frames(error.__traceback__)


def _heed_stops() -> None:
    sys.unraisablehook = _stop_yet
    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    insisted = partial(_insist, time.monotonic())
    for each in STOPS:
        signal.signal(each, insisted)
    ASKED.append(StoppedError(number))
    raise ASKED[-1]


def _stop_yet(ignored: Any) -> None:
    """Stop once more, soon, where Python ignores the error, as it deletes an object.

    Args:
        ignored: what `sys.unraisablehook` is called with.
    """
    stop = ignored.exc_value
    if not isinstance(stop, StoppedError):
        return sys.__unraisablehook__(ignored)
    number = stop.code - 128
    signal.signal(number, _stop)
    return Timer(SOON_SECONDS, os.kill, (os.getpid(), number)).start()


def _stop_at_end(number: int, _frame: FrameType | None) -> None:
    """End the process, as Python ends it already: an exception would be printed and ignored."""
    _end(psutil.Process().children(recursive=True))
    _say_stopped(number)
    sys.stdout.flush()
    os._exit(128 + number)


def _say_stopped(number: int) -> None:
    name, cause = os.path.basename(sys.argv[0]), signal.Signals(number).name
    print(f"{name}: stopped by {cause}", file=sys.stderr, flush=True)


def _replace(before: Callable[..., None], handler: Callable[..., None]) -> None:
    for number in STOPS:
        if signal.getsignal(number) is before:
            signal.signal(number, handler)


def _insist(began: float, number: int, _frame: FrameType | None) -> None:
    """End the process at once, as somebody asks a second time.

    What comes at once is the first time again, as from a supervisor that stops each of a group.
    """
    if time.monotonic() - began > REPEATED_SECONDS:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _end(children: list[psutil.Process]) -> None:
    """Terminate the processes, and kill those that do not end."""
    ours = [child for child in children if not _tidies_memory(child)]
    for child in ours:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    for child in psutil.wait_procs(ours, PATIENCE_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _tidies_memory(child: psutil.Process) -> bool:
    """Return whether it is Python's resource tracker, which cleans up after this process ends."""
    try:
        return "resource_tracker" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False


def pace(audio_seconds: float, seconds: float) -> str:
    """Return a line with both times, the real-time factor and its inverse."""
    return (
        f"{audio_seconds / 3600:.2f} hours of audio in {seconds:.0f} s: "
        f"{audio_seconds / seconds:.1f} × real time "
        f"(real-time factor {seconds / audio_seconds:.4f})"
    )
