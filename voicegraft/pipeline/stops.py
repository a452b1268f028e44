"""To import first in a script: from then on Ctrl-C and SIGTERM end it in one line.

Torch takes seconds to import, and Ctrl-C meanwhile would print a traceback. Nothing has begun by
then, so nothing is tidied; `run_stage` takes over with handlers that tidy. A module of its own,
as nobody else who imports parts of voicegraft wants other handlers.
"""

import os
import signal
import sys
from types import FrameType


def _end(number: int, _frame: FrameType | None) -> None:
    name = os.path.basename(sys.argv[0])
    print(f"{name}: stopped by {signal.Signals(number).name}", file=sys.stderr, flush=True)
    os._exit(128 + number)


for _number in (signal.SIGINT, signal.SIGTERM):
    if signal.getsignal(_number) != signal.SIG_IGN:  # as under nohup
        signal.signal(_number, _end)
