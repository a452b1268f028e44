"""Set a control beside the upstream: one that was never trained, to tell what pretraining gives.

Reads   UPSTREAM, as fetch_model leaves it
Writes  CONTROL, which the stages that follow take for an upstream
Knobs   none: NAME is one of the list transfer.controls
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path

from voicegraft.model import upstream_folder
from voicegraft.pipeline.command import run_stage


def main(name: str, upstream: Path, control: Path) -> None:
    upstream_folder.write_control(control, name, upstream)


if __name__ == "__main__":
    run_stage(main)
