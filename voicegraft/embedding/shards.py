"""A shard of the cache: an append-only file, written by one process and read by any.

It is a sequence of batches. A batch has three parts: a line with the length and the checksum of its
table; the table, JSON with the key, length and checksum of each entry; and the entries, end to end.
So no separate index can disagree with it, and a kill damages only the last batch.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

NONSENSE = (OSError, ValueError, TypeError, RecursionError)
LINE_BYTES = 18
"""Two numbers of eight hexadecimal digits, a space and a newline."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The place of a key's bytes.

    Attributes:
        batch: where its batch begins in the file.
    """

    path: Path
    batch: int
    first: int
    bytes: int
    crc: int


def append(file: FileIO, entries: Mapping[bytes, bytes]) -> None:
    """Append a batch.

    Raises:
        OSError: if it cannot be written, for example on a full disk; the file is then unchanged.
    """
    start = file.tell()
    rows = [(key.hex(), len(content), zlib.crc32(content)) for key, content in entries.items()]
    table = json.dumps(rows).encode()
    try:
        for piece in (_line(table) + table, *entries.values()):
            left = memoryview(piece)
            while left:
                left = left[file.write(left) :]
    except BaseException:
        with suppress(OSError):
            file.truncate(start)
            file.seek(start)
        raise


def batches(path: Path, start: int) -> Iterator[tuple[dict[bytes, Entry], int]]:
    """Yield the entries of each complete batch from offset `start` on, and its end.

    An incomplete or damaged batch ends the iteration, and so does a deleted shard.
    """
    with suppress(*NONSENSE), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while start < size:
            file.seek(start)
            line = file.read(LINE_BYTES)
            table_bytes = int(line[:8], 16)
            if table_bytes > size:  # Python would take the memory that is asked for
                return
            table = file.read(table_bytes)
            if line != _line(table):
                return
            found, end = {}, file.tell()
            for key, length, crc in json.loads(table):
                # A cache is shared: a length below 0 would lead back to where this batch began.
                if type(length) is not int or length < 0:
                    return
                found[bytes.fromhex(key)] = Entry(path, start, end, length, crc)
                end += length
            if end > size:
                return
            yield found, end
            start = end


def read(entry: Entry) -> bytes | None:
    """Return the bytes of an entry; None if the shard is deleted or damaged."""
    with suppress(OSError), open(entry.path, "rb", buffering=0) as file:
        content = os.pread(file.fileno(), entry.bytes, entry.first)
        if len(content) == entry.bytes and zlib.crc32(content) == entry.crc:
            return content
    return None


def _line(table: bytes) -> bytes:
    return b"%08x %08x\n" % (len(table), zlib.crc32(table))
