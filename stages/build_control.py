"""Build a control for the upstream: an untrained upstream, to measure the gain from pretraining.

Reads   UPSTREAM, as fetch_model writes it
Writes  CONTROL, which later stages use as an upstream
Knobs   none: NAME is one of transfer.controls
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path

from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.command import run_stage


def main(name: str, upstream: Path, control: Path) -> None:
    upstreams.write_control(control, name, upstream)


if __name__ == "__main__":
    run_stage(main)
