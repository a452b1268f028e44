"""Fetch a pretrained upstream, checked by its hash.

Reads   the file or folder upstream.source, if it is set
Writes  UPSTREAM, a folder of the upstream's files; DOWNLOADS keeps fetched files
Knobs   upstream: name, checkpoint, source
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path

from voicegraft.fetching.checkpoints import fetchable
from voicegraft.fetching.fetch import copy_atomically
from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import Section, load_params


class UpstreamChoice(Section):
    """The pretrained model and its source."""

    name: str
    checkpoint: str
    source: str


def main(upstream: Path, downloads: Path) -> None:
    choice = load_params(UpstreamChoice, "upstream")
    checkpoint = fetchable(choice.name, choice.checkpoint)
    source = Path(choice.source) if choice.source else None
    files = checkpoint.own(source) if source else checkpoint.fetch(downloads)
    copy_atomically(files, upstream)
    upstreams.write_identity(upstream, choice.name, choice.checkpoint, checkpoint.licence)
    upstreams.load(upstream)


if __name__ == "__main__":
    run_stage(main)
