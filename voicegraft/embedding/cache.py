"""States once computed, kept by content beside the pipeline, so that nothing is encoded twice.

The name of an entry is a hash of all that it depends on (`keys`), so no entry is ever stale: clips
that come back, change their text or side, or are in two corpora are found. Entries are appended to
shards, and an SQLite table says where each lies, in one transaction a batch: a kill loses that
batch. Nothing waits for the disk: what a power failure tears, its checksum finds. When the shards
outgrow the limit, those unused for longest go. All of it may be deleted at any time: it is only
ever computed again.
"""

import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

SHARD_BYTES = 256 * 2**20
"""A shard that has grown so large is closed: what is evicted is a shard."""

TABLES = """
CREATE TABLE IF NOT EXISTS shard (id INTEGER PRIMARY KEY AUTOINCREMENT, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    key BLOB PRIMARY KEY,
    shard INTEGER NOT NULL REFERENCES shard ON DELETE CASCADE,
    first INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_shard ON entry (shard);
"""


class CacheError(RuntimeError):
    """The table of the cache cannot be read or written."""


class Cache:
    """Bytes by key, in a folder of at most `limit_bytes`; several processes may share it.

    Args:
        limit_bytes: kept to within a shard; 0 keeps nothing.
    """

    def __init__(self, folder: Path, limit_bytes: int):
        self.folder, self.limit_bytes = folder, limit_bytes
        folder.mkdir(parents=True, exist_ok=True)
        with self._reporting():
            self._table = sqlite3.connect(folder / "index.sqlite", timeout=60)
            self._table.execute("PRAGMA journal_mode = WAL")
            self._table.execute("PRAGMA synchronous = NORMAL")
            self._table.execute("PRAGMA foreign_keys = ON")
            self._table.executescript(TABLES)
        self._own: int | None = None  # the shard that this process appends to
        self._end: BinaryIO | None = None
        self._files: dict[int, int] = {}
        self._used: set[int] = set()

    def __enter__(self) -> "Cache":
        self.trim()
        return self

    def __exit__(self, *_: object) -> None:
        self.trim()
        self._table.close()
        if self._end:
            self._end.close()
        for file in self._files.values():
            os.close(file)

    def read(self, key: bytes) -> bytes | None:
        """Return what was written under `key`, or None if it is not here, or damaged."""
        with self._reporting():
            row = self._table.execute(
                "SELECT shard, first, bytes, crc FROM entry WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        shard, first, size, crc = row
        with suppress(OSError):  # another process may have evicted the shard by now
            content = os.pread(self._file(shard), size, first)
            if zlib.crc32(content) == crc:
                self._used.add(shard)
                return content
        return None

    def write(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep all of `entries`, or none if the process dies on the way."""
        if not self.limit_bytes:
            return
        end, rows = self._open_end(), []
        for key, content in entries.items():
            rows.append((key, self._own, end.tell(), len(content), zlib.crc32(content)))
            end.write(content)
        end.flush()
        with self._reporting(), suppress(sqlite3.IntegrityError), self._table:
            # Another process may have evicted this very shard: then the batch is not kept.
            self._table.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)", rows)

    def trim(self) -> None:
        """Delete the shards unused for longest, until the rest is within the limit."""
        marks = [(time.time(), shard) for shard in self._used]
        with self._reporting():
            with self._table:
                self._table.executemany("UPDATE shard SET used = ? WHERE id = ?", marks)
            shards = self._table.execute("SELECT id FROM shard ORDER BY used DESC, id DESC")
            room = self.limit_bytes
            for (shard,) in shards.fetchall():
                room -= self._bytes(shard)
                if room < 0:
                    self._delete(shard)

    def clear(self) -> None:
        """Delete every entry."""
        with self._reporting():
            for (shard,) in self._table.execute("SELECT id FROM shard").fetchall():
                self._delete(shard)

    def __len__(self) -> int:
        with self._reporting():
            return self._table.execute("SELECT count(*) FROM entry").fetchone()[0]

    @property
    def bytes(self) -> int:
        """The size of all shards."""
        return sum(path.stat().st_size for path in self.folder.glob("*.states"))

    def _open_end(self) -> BinaryIO:
        """Return the shard to append to: one of this process's own, so that no two ever mix."""
        if self._end is None or self._end.tell() >= SHARD_BYTES:
            if self._end:
                self._end.close()
                self.trim()
            with self._reporting(), self._table:
                added = self._table.execute("INSERT INTO shard (used) VALUES (?)", (time.time(),))
            self._own = added.lastrowid
            self._used.add(self._own)
            # A number is given once; a file that has it already lost its line in a power failure.
            self._end = open(self._path(self._own), "wb")  # noqa: SIM115 - closed in __exit__
        return self._end

    def _delete(self, shard: int) -> None:
        with self._table:
            self._table.execute("DELETE FROM shard WHERE id = ?", (shard,))
        self._path(shard).unlink(missing_ok=True)

    def _file(self, shard: int) -> int:
        if shard not in self._files:
            self._files[shard] = os.open(self._path(shard), os.O_RDONLY)
        return self._files[shard]

    def _bytes(self, shard: int) -> int:
        with suppress(FileNotFoundError):
            return self._path(shard).stat().st_size
        return 0

    def _path(self, shard: int) -> Path:
        return self.folder / f"{shard:08d}.states"

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise CacheError(
                f"{self.folder}: {error}; extract_embeddings.cache_gigabytes bounds the cache, and "
                "it may be deleted at any time"
            ) from error
