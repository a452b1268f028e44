"""A content-addressed cache of states, so that no clip is encoded twice.

The key of an entry is a hash of everything that it depends on (`keys`), so no entry is ever stale,
and clips are found again if they return, change their text or split, or are in two corpora. Each
process appends batches to its own shard, and the list of entries is in the shard itself. So any
number of processes may read, write, evict and clear at once. A kill loses at most the batch being
written, and damaged entries are not found. (A separate index, as in SQLite or LMDB, would be one
more file that another process could delete.) If the shards exceed the limit, the least recently
used are deleted. The whole cache may be deleted at any time; the states are then computed again.
"""

import errno
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from voicegraft.embedding import shards
from voicegraft.embedding.kept import SHARDS
from voicegraft.embedding.shards import Entry

if TYPE_CHECKING:  # who shares nothing need not wait for what speaks to a store
    from voicegraft.embedding.shared import SharedCache

SHARD_BYTES = 256 * 2**20
"""The size at which a shard is closed; whole shards are evicted."""
LOOK_SECONDS = 1.0
"""The shortest time between two looks for entries of other processes."""
ATTEMPTS = 5
"""Attempts to write a batch, as another process may delete the shard meanwhile."""
IDLE_SECONDS = 3600
"""After this time, a file without a complete batch belongs to a dead process."""
OLD_INDEX = "index.sqlite*"
"""Files of earlier versions, whose shards had a separate index."""


class Cache:
    """Bytes by key, in a folder of at most `limit_bytes`; several processes may share it.

    Args:
        limit_bytes: kept to within one shard; 0 disables the cache.
        shared: where entries that the folder lacks are looked for, and new ones put at the end.
    """

    def __init__(self, folder: Path, limit_bytes: int, shared: "SharedCache | None" = None):
        self.folder, self.limit_bytes, self.shared = folder, limit_bytes, shared
        self._entries: dict[bytes, list[Entry]] = {}
        self._known: dict[Path, int] = {}
        self._own: FileIO | None = None
        self._used: set[Path] = set()
        self._touched: set[Path] = set()
        self._torn: set[tuple[Path, int]] = set()
        self._gave_up = False
        self._look()

    def __enter__(self) -> "Cache":
        self.trim()
        return self

    def __exit__(self, stopped: type[BaseException] | None, *_: object) -> None:
        if stopped:
            self.trim()
            self._close()
        else:
            self.close_shard()

    def read(self, key: bytes) -> bytes | None:
        """Return the entry of `key`, or None if it is missing or damaged."""
        if key not in self._entries and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        for entry in reversed(self._entries.get(key, [])):
            if (content := shards.read(entry)) is not None:
                self._used.add(entry.path)
                return content
            self._torn.add((entry.path, entry.batch))
        return None if self.shared is None or key in self._entries else self._fetched(key)

    def touch(self, keys: Iterable[bytes]) -> None:
        """Count the entries of `keys` as used, though they need not be read."""
        self._used |= {self._entries[key][-1].path for key in keys if key in self._entries}

    def has(self, key: bytes) -> bool:
        """Return whether the entry of `key` is there, in the folder or shared, whole or damaged."""
        if key not in self._entries and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        if found := self._entries.get(key):
            self._used.add(found[-1].path)
        return bool(found) or (self.shared is not None and key in self.shared)

    def is_torn(self, key: bytes) -> bool:
        """Return whether an entry that was written with that of `key` is damaged or deleted.

        It is known of what was read. In another batch, a clip has states of other rounding.
        """
        found = self._entries.get(key, [])
        return bool(found) and (found[-1].path, found[-1].batch) in self._torn

    def write(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep all of `entries`, or none if the process dies on the way.

        If they cannot be written, for example on a full disk, it prints one message and keeps
        nothing from then on; the store still gets all states.
        """
        try:
            for _ in range(ATTEMPTS):
                if self._gave_up or not self.limit_bytes or self._is_kept(entries):
                    return
                self._close()  # the shard was deleted: try again with a new one
            raise OSError(errno.EIO, "shards disappear while they are written")
        except OSError as error:
            self._gave_up = True
            self._close()
            line = f"{self.folder}: {error.strerror}: from now on, encoded clips are not cached"
            tqdm.write(line, file=sys.stderr)  # on its own line, above the progress bar

    def close_shard(self) -> None:
        """End this process's shard, so that what is kept so far is shared."""
        self.trim()
        self._close()
        if self.shared is not None:
            self._publish()

    def trim(self) -> None:
        """Delete the least recently used shards, until the rest is within the limit."""
        for path in self._used:
            with suppress(OSError):  # deleted, or of another user
                os.utime(path)
        self._touched |= self._used
        self._used.clear()
        self._look()
        room = self.limit_bytes
        for path, status in sorted(self._files(), key=lambda f: f[1].st_mtime, reverse=True):
            dead = not self._known.get(path) and time.time() - status.st_mtime > IDLE_SECONDS
            room -= 0 if dead else status.st_size
            if dead or room < 0:
                with suppress(OSError):
                    path.unlink()

    def clear(self) -> None:
        """Delete every entry; running processes continue with new shards."""
        for path, _ in self._files():
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / SHARDS, ignore_errors=True)
        self._entries.clear()
        self._known.clear()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """Size of all shards."""
        return sum(status.st_size for _, status in self._files())

    def _look(self) -> None:
        """Read the entries that shards have gained since the last look."""
        self._looked = time.monotonic()
        for path, status in sorted(self._files(), key=lambda f: f[0]):
            if path.suffix == ".states" and status.st_size > self._known.get(path, 0):
                self._learn(path)

    def _learn(self, path: Path) -> None:
        for found, end in shards.batches(path, self._known.get(path, 0)):
            self._known[path] = end
            for key, entry in found.items():
                self._entries.setdefault(key, []).append(entry)

    def _fetched(self, key: bytes) -> bytes | None:
        """Return the entry of `key` from the shared cache, whose shard is in the folder then."""
        if path := self.shared.fetch(key, self.folder):
            self._learn(path)
        return self.read(key) if key in self._entries else None

    def _publish(self) -> None:
        """Share the shards that were used: those of this process, and of one that was killed."""
        for path in sorted(self._touched):
            if found := list(shards.batches(path, 0)):
                self.shared.publish(path, found[-1][1], {key for keys, _ in found for key in keys})
        self._touched.clear()

    def _is_kept(self, entries: Mapping[bytes, bytes]) -> bool:
        """Append to this process's shard; return False if the shard was deleted."""
        try:
            shard = self._growing()
            shards.append(shard, entries)
            kept = os.path.samestat(os.stat(shard.name), os.fstat(shard.fileno()))
        except FileNotFoundError:  # the shard or the folder was deleted between two steps
            return False
        except FileExistsError:  # the folder, which goes between mkdir's try and its look
            if self.folder.exists() and not self.folder.is_dir():
                raise
            return False
        if kept:
            self._used.add(Path(shard.name))
            self._learn(Path(shard.name))
        return kept

    def _growing(self) -> FileIO:
        """Return this process's own shard, with room for more."""
        if self._own and self._own.tell() >= SHARD_BYTES:
            self.close_shard()
        if not self._own:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{time.time_ns():016x}-{uuid.uuid4().hex[:8]}.states"  # unique
            self._own = open(self.folder / name, "xb", buffering=0)  # noqa: SIM115 - see _close
        return self._own

    def _close(self) -> None:
        if self._own:
            self._own.close()
        self._own = None

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for pattern in ("*.states", OLD_INDEX):
            for path in self.folder.glob(pattern):
                with suppress(OSError):  # another process may have evicted it
                    yield path, path.stat()
