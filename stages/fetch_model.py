"""Fetch a pretrained upstream, checked by its hash.

Reads   nothing but the knobs, or the file or folder that upstream.source names
Writes  UPSTREAM, a folder of the upstream's files; DOWNLOADS keeps what was fetched
Knobs   upstream: name, checkpoint, source
"""

from pathlib import Path

from voicegraft import upstream_folder, upstreams
from voicegraft.command import run_stage
from voicegraft.params import Section, load_params
from voicegraft.weights.mirrors import FetchError, copy_atomically, fetch, verify


class UpstreamChoice(Section):
    """Which pretrained model, and from where."""

    name: str
    checkpoint: str
    source: str


def own_files(source: Path, checkpoint: upstreams.Checkpoint) -> list[Path]:
    """Return the checkpoint's files at `source`, a folder or the file of weights.

    They are checked by the hash, where the weights' publisher gives one.

    Raises:
        FetchError: if the weights are missing or are others than the checkpoint's.
    """
    weights, *others = checkpoint.files
    folder = source if source.is_dir() else source.parent
    path = folder / weights.name if source.is_dir() else source
    if not path.is_file():
        raise FetchError(f"upstream.source: there is no file {path}")
    if weights.sha256:
        verify(path, weights.sha256)
    return [path, *(folder / f.name for f in others if (folder / f.name).is_file())]


def main(upstream: Path, downloads: Path) -> None:
    choice = load_params(UpstreamChoice, "upstream")
    checkpoint = upstreams.fetchable(choice.name, choice.checkpoint)
    if choice.source:
        files = own_files(Path(choice.source), checkpoint)
    else:
        files = [fetch(file, downloads) for file in checkpoint.files]
    copy_atomically(files, upstream)
    upstream_folder.write_identity(upstream, choice.name, choice.checkpoint)
    upstream_folder.load(upstream)


if __name__ == "__main__":
    run_stage(main)
