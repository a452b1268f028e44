"""States once computed, kept by content beside the pipeline, so that nothing is encoded twice.

The name of an entry is a hash of all that it depends on (`keys`), so no entry is ever stale: clips
that come back, change their text or side, or are in two corpora are found. Each process appends to
a shard of its own, a batch at a time, and what a shard holds is read from the shard itself. So any
number of processes may read, write, evict and clear at once; a kill loses the batch that it tears,
and what was damaged on disk is not found. (An index beside the shards, as of SQLite or LMDB, would
be one more file to be deleted under a running process, and to be written into for nobody.) When
the shards outgrow the limit, those unused for longest go. All of it may be deleted at any time: it
is only ever computed again.
"""

import errno
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path

from tqdm import tqdm

from voicegraft.embedding import shards
from voicegraft.embedding.shards import Entry

SHARD_BYTES = 256 * 2**20
"""A shard that has grown so large is closed: what is evicted is a shard."""
LOOK_SECONDS = 1.0
"""How often, at most, a search without success looks for what other processes wrote since."""
ATTEMPTS = 5
"""To write a batch into a shard that nobody deletes meanwhile."""
IDLE_SECONDS = 3600
"""After so long, a file that holds nothing whole is of a process that is dead."""
OLD_INDEX = "index.sqlite*"
"""Of versions whose shards did not say what they hold."""


class Cache:
    """Bytes by key, in a folder of at most `limit_bytes`; several processes may share it.

    Args:
        limit_bytes: kept to within a shard; 0 keeps nothing.
    """

    def __init__(self, folder: Path, limit_bytes: int):
        self.folder, self.limit_bytes = folder, limit_bytes
        self._entries: dict[bytes, list[Entry]] = {}
        self._known: dict[Path, int] = {}
        self._own: FileIO | None = None
        self._used: set[Path] = set()
        self._gave_up = False
        self._look()

    def __enter__(self) -> "Cache":
        self.trim()
        return self

    def __exit__(self, *_: object) -> None:
        self.trim()
        self._close()

    def read(self, key: bytes) -> bytes | None:
        """Return what was written under `key`, or None if it is not here, or damaged."""
        if key not in self._entries and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        for entry in reversed(self._entries.get(key, [])):
            if (content := shards.read(entry)) is not None:
                self._used.add(entry.path)
                return content
        return None

    def write(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep all of `entries`, or none if the process dies on the way.

        If they cannot be written, as on a full disk, it says so once and keeps nothing from then
        on: what is encoded goes into the store in any case.
        """
        try:
            for _ in range(ATTEMPTS):
                if self._gave_up or not self.limit_bytes or self._is_kept(entries):
                    return
                self._close()  # the shard was deleted by now: once more, into a new one
            raise OSError(errno.EIO, "shards disappear while they are written")
        except OSError as error:
            self._gave_up = True
            self._close()
            line = f"{self.folder}: {error.strerror}: what is encoded from now on is not cached"
            tqdm.write(line, file=sys.stderr)  # on a line of its own where there is a bar

    def trim(self) -> None:
        """Delete the shards unused for longest, until the rest is within the limit."""
        for path in self._used:
            with suppress(OSError):  # deleted, or not this user's
                os.utime(path)
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
        """Delete every entry; what runs meanwhile goes on into new shards."""
        for path, _ in self._files():
            path.unlink(missing_ok=True)
        self._entries.clear()
        self._known.clear()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """The size of all shards."""
        return sum(status.st_size for _, status in self._files())

    def _look(self) -> None:
        """Learn what shards hold beyond what is known of them."""
        self._looked = time.monotonic()
        for path, status in sorted(self._files(), key=lambda f: f[0]):
            if path.suffix == ".states" and status.st_size > self._known.get(path, 0):
                self._learn(path)

    def _learn(self, path: Path) -> None:
        for found, end in shards.batches(path, self._known.get(path, 0)):
            self._known[path] = end
            for key, entry in found.items():
                self._entries.setdefault(key, []).append(entry)

    def _is_kept(self, entries: Mapping[bytes, bytes]) -> bool:
        """Append to this process's shard; return whether that still has its name."""
        try:
            shard = self._growing()
            shards.append(shard, entries)
            kept = os.path.samestat(os.stat(shard.name), os.fstat(shard.fileno()))
        except FileNotFoundError:  # the shard, or the folder between two steps
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
        """Return the shard to append to: one of this process's own, so that no two ever mix."""
        if self._own and self._own.tell() >= SHARD_BYTES:
            self._close()
            self.trim()
        if not self._own:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{time.time_ns():016x}-{uuid.uuid4().hex[:8]}.states"  # never given again
            self._own = open(self.folder / name, "xb", buffering=0)  # noqa: SIM115 - see _close
        return self._own

    def _close(self) -> None:
        if self._own:
            self._own.close()
        self._own = None

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for pattern in ("*.states", OLD_INDEX):
            for path in self.folder.glob(pattern):
                with suppress(OSError):  # another process may have evicted it by now
                    yield path, path.stat()
