"""To import first in a script: from then on Ctrl-C, SIGTERM and the end of DVC end it in one line.

Torch takes seconds to import, and Ctrl-C meanwhile would print a traceback. Nothing has begun by
then, so nothing is tidied; `run_stage` takes over with handlers that tidy. It is a module of its
own, and heeds only where a script of `FOLDERS` is what runs: whoever imports one, as a test does,
keeps the handlers that it has. `names` and `locks`, which run before a stage, import it as well.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from threading import Thread
from types import FrameType

import psutil

FOLDERS = ("stages", "studies", "pipeline")
SHELLS = ("sh", "ash", "bash", "dash", "zsh", "fish", "ksh", "busybox")
LOOK_EVERY_SECONDS = 0.5


def _end(number: int, _frame: FrameType | None) -> None:
    name = os.path.basename(sys.argv[0])
    print(f"{name}: stopped by {signal.Signals(number).name}", file=sys.stderr, flush=True)
    os._exit(128 + number)


def _end_with(owner: psutil.Process) -> None:
    """Stop this process once `owner` has ended.

    prctl(PR_SET_PDEATHSIG) would tell of the parent alone, and where SHELL is dash or is not set,
    that is a shell which outlives DVC.
    """
    with suppress(psutil.NoSuchProcess):
        while owner.is_running() and owner.status() != psutil.STATUS_ZOMBIE:
            time.sleep(LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _heed_stops() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end)
    if "DVC_STAGE" in os.environ:
        # If DVC alone is killed, its stage would go on beside that of the next run.
        owner = next((p for p in psutil.Process().parents() if p.name() not in SHELLS), None)
        if owner:
            Thread(target=_end_with, args=[owner], daemon=True).start()


_script = getattr(sys.modules["__main__"], "__file__", None) or ""
if os.path.basename(os.path.dirname(os.path.abspath(_script))) in FOLDERS:
    _heed_stops()
