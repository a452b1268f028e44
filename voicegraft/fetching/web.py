"""Files of plain web servers, and of torch.hub's cache."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from voicegraft.fetching.downloads import MOST_BYTES, download, refuse_plain
from voicegraft.fetching.mirrors import Mirror
from voicegraft.pipeline.files import whole


@dataclass(frozen=True)
class WebMirror(Mirror):
    """An https URL: the file's hash may be known only from its first download."""

    url: str
    most_bytes: int = MOST_BYTES

    def download(self, name: str, folder: Path) -> Path:
        """Fetch the URL; an interrupted download continues.

        Raises:
            OSError: see `voicegraft.fetching.downloads.download`.
        """
        refuse_plain(self.url)
        partial = folder / f"{name}.begun"
        download(self.url, partial, self.most_bytes)
        return partial

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class TorchHubCache(Mirror):
    """The cache folder of torch.hub, which torchaudio fetches into."""

    def download(self, name: str, folder: Path) -> Path:
        """Copy the file; the cache is not changed."""
        copy = folder / f"{name}.copied"
        with whole(copy) as partial:
            shutil.copyfile(self._folder() / name, partial)
        return copy

    def _folder(self) -> Path:
        return Path(torch.hub.get_dir()) / "checkpoints"

    def __str__(self) -> str:
        return str(self._folder())
