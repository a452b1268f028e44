"""Files of plain web servers, and those that torch.hub fetched before."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from voicegraft.fetching.downloads import MOST_BYTES, download, refuse_plain
from voicegraft.fetching.mirrors import Mirror
from voicegraft.pipeline.files import whole


@dataclass(frozen=True)
class WebMirror(Mirror):
    """A URL: https, since the file's hash may be known from its first download alone."""

    url: str
    most_bytes: int = MOST_BYTES

    def download(self, name: str, folder: Path) -> Path:
        """Fetch the URL; a download that was cut off goes on where it ended.

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
    """The folder where torch.hub keeps what torchaudio, among others, fetched before."""

    def download(self, name: str, folder: Path) -> Path:
        """Copy the file: the user's cache stays as it is."""
        copy = folder / f"{name}.copied"
        with whole(copy) as partial:
            shutil.copyfile(self._folder() / name, partial)
        return copy

    def _folder(self) -> Path:
        return Path(torch.hub.get_dir()) / "checkpoints"

    def __str__(self) -> str:
        return str(self._folder())
