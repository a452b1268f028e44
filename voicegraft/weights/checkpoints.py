"""Pretrained weights by name: listed with their hashes, on the hub at a revision, or your own.

base                                    listed by the upstream
openai/whisper-small@<40 hex digits>    a repository of the hub, at a commit
model.safetensors@<64 hex digits>       a file of upstream.source, by its SHA-256
"""

import re
from dataclasses import dataclass
from pathlib import Path

from voicegraft.weights.hub import HubCheckpoint
from voicegraft.weights.mirrors import FetchError, RemoteFile, fetch, verify

UNLISTED = "a repository of the hub as owner/name@revision, or a file of upstream.source as \
name@SHA-256"


@dataclass(frozen=True)
class Layout:
    """Names of the files that an upstream reads where it has no list of them."""

    weights: tuple[str, ...]
    """One of these is there: the likeliest first."""
    beside: tuple[str, ...]
    """Taken along where they are there."""


@dataclass(frozen=True)
class Checkpoint:
    """Pretrained weights that were written down here: the first file is the weights."""

    files: tuple[RemoteFile, ...]
    licence: str
    beside: tuple[str, ...] = ()
    """Names of what is taken along from a folder of one's own, without a hash."""

    def fetch(self, downloads: Path) -> list[Path]:
        """Return checked copies of the files, from `downloads` or the first good mirror.

        Raises:
            FetchError: if one is nowhere to be had.
        """
        if not self.files[0].mirrors:
            raise FetchError(f"upstream.source must say where your {self.files[0].name} is")
        return [fetch(file, downloads) for file in self.files]

    def own(self, source: Path) -> list[Path]:
        """Return the files that are at `source`, a folder or the file of weights, checked.

        Raises:
            FetchError: if the weights are missing or are others than the checkpoint's.
        """
        weights, *others = self.files
        folder = source if source.is_dir() else source.parent
        path = folder / weights.name if source.is_dir() else source
        if not path.is_file():
            raise FetchError(f"upstream.source: there is no file {path}")
        if weights.sha256:
            verify(path, weights.sha256)
        names = [*(file.name for file in others), *self.beside]
        return [path, *(folder / name for name in names if (folder / name).is_file())]


def unlisted(name: str, layout: Layout) -> Checkpoint | HubCheckpoint | None:
    """Return the checkpoint that such a name stands for; None if it is no such name.

    Raises:
        ValueError: if its hash is missing or misspelt, telling how to get one.
    """
    what, _, pin = name.partition("@")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", what):
        how = f"`hf models info {what} --expand sha` prints today's"
        return HubCheckpoint(what, _hex(name, what, pin, 40, how), layout.weights, layout.beside)
    if what in layout.weights:
        sha256 = _hex(name, what, pin, 64, f"`sha256sum {what}` prints it")
        return Checkpoint((RemoteFile(what, sha256, ()),), "not stated", layout.beside)
    return None


def _hex(name: str, what: str, pin: str, digits: int, how: str) -> str:
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", pin):
        raise ValueError(
            f"upstream.checkpoint: {what}@<{digits} hex digits> is needed, not {name!r}: {how}"
        )
    return pin
