"""Shards of earlier stores, so that the next store has the same files where it has the same states.

DVC deletes the output of a stage before it runs it again. What is kept here is a hard link to each
shard, named by a hash of what its states depend on. It takes no space beside the store and DVC's
cache, which link the same file. And DVC remembers the hash of a file that is the same, so that it
reads those alone that are new. (With `persist: true` the old output would stay, but DVC copies it
first to break its links, and has no run cache for the stage.)
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

SHARDS = "shards"
"""Their folder in that of the cache."""


class KeptShards:
    """Links to shards, in a folder; where the disk allows no links, nothing is kept."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._used: set[str] = set()

    def name(self, dtype: np.dtype, shape: tuple[int, ...], keys: Iterable[bytes]) -> str:
        """Return the name of a shard by the cache keys of its states, in their order."""
        digest = hashlib.sha256(f"{dtype.str} {shape}".encode())
        for key in keys:
            digest.update(key)
        return f"{digest.hexdigest()}.npy"

    def link(self, name: str, path: Path) -> bool:
        """Let `path` be the shard of that name; return False if there is none."""
        with suppress(OSError):
            os.link(self.folder / name, path)
            self._used.add(name)
            return True
        return False

    def keep(self, name: str, path: Path) -> None:
        """Keep the shard at `path` under that name."""
        self._used.add(name)
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            os.link(path, self.folder / name)

    def trim(self) -> None:
        """Delete what the last store did not use and nobody else has: it alone takes space."""
        for path in self.folder.glob("*.npy"):
            with suppress(OSError):
                if path.name not in self._used and path.stat().st_nlink == 1:
                    path.unlink()
