"""Run a stage at the cost of a fork: this process has imported torch once, its children run stages.

A run is a process group of its own, as under a shell. What it prints goes to a file, so that no
pipe can fill. Its children are looked for by the group, which they keep even if their parent ends.
"""

import atexit
import importlib.util
import os
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import psutil
import torch

from benchmarks.faults.project import ROOT, Stage
from voicegraft.pipeline.command import STOPS, run_stage

LONGEST_SECONDS = 120.0
"""A run of some seconds that has not ended by then hangs."""
GRACE_SECONDS = 5.0
"""For what a run has started, to end after it."""
LATE = ("dvc.repo", "dvc.api", "lightning_fabric", "librosa.filters", "sklearn", "torch._dynamo")
"""What stages import on their way."""


RUNNING: list["Run"] = []
"""To be killed where the harness itself is stopped."""


@dataclass(frozen=True)
class Ended:
    """How a run ended: its status (negative: by a signal; None: it hung), and what it printed."""

    status: int | None
    printed: str
    seconds: float
    orphans: int = 0

    @property
    def last_line(self) -> str:
        """What it said last."""
        return next(iter(reversed(self.printed.strip().splitlines())), "")


class Run:
    """A running stage."""

    def __init__(self, pid: int, log: Path, wait: Callable[[], int | None]):
        self.pid, self.log, self._wait = pid, log, wait
        self.began = time.monotonic()
        RUNNING.append(self)

    def status(self) -> int | None:
        """Return how it ended; None as long as it runs."""
        return self._wait()

    def signal(self, number: int, group: bool = True) -> None:
        """Send a signal to the group, or to the leader alone, if it still runs."""
        try:
            (os.killpg if group else os.kill)(self.pid, number)
        except ProcessLookupError:
            pass

    def wait_until_heeding(self) -> None:
        """Wait until it handles SIGTERM: as Python starts, stops are not yet its own."""
        bit = 1 << signal.SIGTERM - 1
        while self.status() is None and not _caught(self.pid) & bit:
            time.sleep(0.002)

    def end(self, longest: float = LONGEST_SECONDS) -> Ended:
        """Wait until it ends; kill it, and what it has left, if it does not."""
        while (status := self.status()) is None and time.monotonic() - self.began < longest:
            time.sleep(0.005)
        seconds, orphans = time.monotonic() - self.began, self._orphans()
        self.signal(signal.SIGKILL)
        while self.status() is None or (orphans and group(self.pid)):
            time.sleep(0.005)
        printed = self.log.read_text(encoding="utf-8", errors="replace")
        self.log.unlink()
        RUNNING.remove(self)
        return Ended(status, printed, seconds, orphans)

    def _orphans(self) -> int:
        until = time.monotonic() + GRACE_SECONDS
        while (left := group(self.pid)) and time.monotonic() < until:
            time.sleep(0.02)
        return len(left)


def _caught(pid: int) -> int:
    """Return the signals that a process handles, as a mask (proc(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(status.partition("SigCgt:")[2].split()[0], 16)


def kill_all() -> None:
    """Kill every run, as none may outlive the harness."""
    for run in list(RUNNING):
        run.signal(signal.SIGKILL)
        run.log.unlink(missing_ok=True)


def group(pid: int) -> list[int]:
    """Return the processes of a group that run, but its leader."""
    found = []
    for each in psutil.pids():
        try:
            ours = each != pid and os.getpgid(each) == pid
            if ours and psutil.Process(each).status() != psutil.STATUS_ZOMBIE:
                found.append(each)
        except (ProcessLookupError, psutil.NoSuchProcess):
            pass
    return found


def start(
    stage: Stage, folder: Path, true: bool = False, before: Callable[[], None] = lambda: None
) -> Run:
    """Start a stage in `folder`: its commands, one after the other, until one fails.

    Args:
        true: as processes of their own, by a shell, as DVC does; not by forks of this one.
        before: called in the process that becomes the run, such as to become another user.
    """
    if true:
        return _process(stage, folder, before)
    return call(lambda: _commands(stage, before), folder)


def call(work: Callable[[], int], folder: Path) -> Run:
    """Start a function in a fork, in `folder`, as the work of a stage."""
    handle, name = tempfile.mkstemp(".log", "run")
    sys.stdout.flush(), sys.stderr.flush()
    pid = _forked()
    if pid:
        os.close(handle)
        return Run(pid, Path(name), _status_of(pid))
    os.setsid()
    os.dup2(handle, 1), os.dup2(handle, 2)
    sys.stdin = open(os.devnull)  # noqa: SIM115
    sys.stdout, sys.stderr = (open(n, "w", 1, "utf-8", closefd=False) for n in (1, 2))
    os.chdir(folder)
    _leave(work)


def _forked() -> int:
    """Fork, and let the child handle no signal, as a new program; this process handles its own."""
    own = {number: signal.signal(number, signal.SIG_DFL) for number in STOPS}
    pid = os.fork()
    for number, handler in own.items() if pid else ():
        signal.signal(number, handler)
    return pid


def _status_of(pid: int) -> Callable[[], int | None]:
    """Return what tells the status of a child, which the system tells once."""
    known: list[int] = []

    def status() -> int | None:
        if not known:
            found, code = os.waitpid(pid, os.WNOHANG)
            if found:
                known.append(os.waitstatus_to_exitcode(code))
        return known[0] if known else None

    return status


def _process(stage: Stage, folder: Path, before: Callable[[], None]) -> Run:
    handle, name = tempfile.mkstemp(".log", "run")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
    }
    process = subprocess.Popen(
        ["sh", "-c", " && ".join([*stage.commands[:-1], f"exec {stage.commands[-1]}"])],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=handle,
        stderr=handle,
        start_new_session=True,
        preexec_fn=before,
    )
    os.close(handle)
    return Run(process.pid, Path(name), process.poll)


def _commands(stage: Stage, before: Callable[[], None]) -> int:
    """Run each command: the last in this process, those before in a fork of it."""
    before()
    *first, last = stage.commands
    for command in first:
        pid = os.fork()
        if not pid:
            _leave(lambda command=command: _command(command))
        if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            return code
    return _command(last)


def _command(command: str) -> int:
    _, *words = shlex.split(command)
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__")
    else:
        sys.argv = words
        run_stage(script(Path(words[0]).stem).main)
    return 0


def _leave(work: Callable[[], int]) -> None:
    """End this process as Python ends one: never return into the code that forked it."""
    code = 1
    try:
        code = work()
    except SystemExit as error:
        said = error.code
        code = said if isinstance(said, int) else int(said is not None)
        if isinstance(said, str):
            print(said, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


def get_ready() -> None:
    """Import here what stages import, so that a fork need not."""
    torch.set_num_threads(1)
    for name in LATE:
        importlib.import_module(name)
    for path in (ROOT / "stages").glob("*.py"):
        script(path.stem)


@cache
def script(name: str) -> ModuleType:
    """Return the script of a stage, imported once for all runs."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "stages" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # run_stage looks there for its docstring
    spec.loader.exec_module(module)
    return module
