"""True pretrained upstreams for tests, fetched once."""

from pathlib import Path

from voicegraft import upstream_folder, upstreams
from voicegraft.weights.mirrors import copy_atomically

DOWNLOADS = Path(__file__).parent.parent / ".voicegraft" / "downloads"


def fetch_upstream(name: str, checkpoint: str, folder: Path) -> Path:
    """Fill `folder` as fetch_model does, and return it."""
    copy_atomically(upstreams.fetchable(name, checkpoint).fetch(DOWNLOADS), folder)
    upstream_folder.write_identity(folder, name, checkpoint)
    return folder
