"""To import first in a script: from then on Ctrl-C and SIGTERM end it in one line.

Torch takes seconds to import, and Ctrl-C meanwhile would print a traceback. Nothing has begun by
then, so nothing is tidied; `run_stage` takes over with handlers that tidy. It is a module of its
own, and heeds only where a script of `FOLDERS` is what runs: whoever imports one, as a test does,
keeps the handlers that it has.
"""

import os
import signal
import sys
from types import FrameType

FOLDERS = ("stages", "studies")


def _end(number: int, _frame: FrameType | None) -> None:
    name = os.path.basename(sys.argv[0])
    print(f"{name}: stopped by {signal.Signals(number).name}", file=sys.stderr, flush=True)
    os._exit(128 + number)


_script = getattr(sys.modules["__main__"], "__file__", None) or ""
if os.path.basename(os.path.dirname(os.path.abspath(_script))) in FOLDERS:
    for _number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(_number) != signal.SIG_IGN:  # as under nohup
            signal.signal(_number, _end)
