"""True pretrained upstreams for tests, fetched once."""

from pathlib import Path

from voicegraft.fetching.checkpoints import fetchable
from voicegraft.fetching.fetch import copy_atomically
from voicegraft.model import upstream as upstreams

DOWNLOADS = Path(__file__).parent.parent / ".voicegraft" / "downloads"


def fetch_upstream(name: str, checkpoint: str, folder: Path) -> Path:
    """Fill `folder` as fetch_model does, and return it."""
    weights = fetchable(name, checkpoint)
    copy_atomically(weights.fetch(DOWNLOADS), folder)
    upstreams.write_identity(folder, name, checkpoint, weights.licence)
    return folder
