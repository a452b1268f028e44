"""The index of a store: which shard has the states of a take, and where.

Takes lie in shards in an order in which neighbours belong together, such as that of the manifest.
Boundaries depend on what lies near them, and on nothing else: a shard ends before the take with the
lowest checksum among those that would give it a fair size. So a take that is added or removed
changes its own shard, at times the next one, and no other (content-defined chunking: Muthitacharoen
et al. 2001, "A low-bandwidth network file system", https://doi.org/10.1145/502034.502052).
"""

import csv
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicegraft.pipeline.files import reading
from voicegraft.pipeline.tables import write_rows

COLUMNS = ["id", "shard", "first_row", "frames"]
SHARD_BYTES = 8 * 2**20
"""Of one layer, at a mean; a shard has from half of it to half as much again."""
LARGEST_SHARD_BYTES = 256 * 2**20
FEW_SHARDS = 1024
"""Of one layer. Beyond it, shards become larger in their place, up to the largest: DVC looks at
each file, which takes it a second for some thousands."""


@dataclass(frozen=True)
class Index:
    """Where the takes of a store are.

    Attributes:
        number: of each take, by id; the order in which readers get them.
        shard: of each take, by its number: an index of `names`, (takes,).
        first: row of its first frame in the shard, (takes,).
        frames: how many it has, (takes,).
        names: of the shards, in the order in which takes lie there.
        lead: rows before the first frame of each take: see `quantisation`.
    """

    number: Mapping[str, int]
    shard: np.ndarray
    first: np.ndarray
    frames: np.ndarray
    names: list[str]
    lead: int = 0

    def rows(self) -> np.ndarray:
        """Return the number of rows of each shard, (shards,)."""
        return np.bincount(self.shard, self.extents(), len(self.names)).astype(np.int64)

    def extents(self) -> np.ndarray:
        """Return the number of rows of each take, by its number, (takes,)."""
        return self.frames + self.lead

    def members(self) -> Iterator[list[str]]:
        """Yield the ids of the takes in each shard, in the order of their rows."""
        ids, order = list(self.number), _by_place(self)
        ends = np.searchsorted(self.shard[order], range(1, len(self.names)))
        for members in np.split(order, ends) if self.names else ():
            yield [ids[member] for member in members]


class Frames(Mapping[str, int]):
    """How many frames each take has, by id, in the order of the store."""

    def __init__(self, index: Index):
        self._index = index

    def __getitem__(self, take: str) -> int:
        return int(self._index.frames[self._index.number[take]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.number)

    def __len__(self) -> int:
        return len(self._index.number)


def _by_place(index: Index) -> np.ndarray:
    """Return the numbers of all takes, shard by shard, in the order of their rows."""
    return np.lexsort((index.frames, index.first, index.shard))


def lay(frames: Mapping[str, int], order: Iterable[str], row_bytes: int, lead: int = 0) -> Index:
    """Return the index of takes that are yet to be written.

    Args:
        frames: how many each take has, by id, in the order for readers.
        order: the same ids in the order in which they are to lie.
        row_bytes: of one frame in one layer.
        lead: rows before the first frame of each take.
    """
    number = {take: place for place, take in enumerate(frames)}
    laid = list(order)
    places = np.fromiter((number[take] for take in laid), np.int64, len(number))
    counts = np.fromiter(frames.values(), np.int64, len(number))
    extents = counts[places] + lead
    ends = np.cumsum(extents)
    cuts = _cuts(laid, ends, _shard_bytes(len(laid) and int(ends[-1]) * row_bytes) // row_bytes)
    shard, first = np.empty_like(counts), np.empty_like(counts)
    shard[places] = np.repeat(np.arange(len(cuts)), np.diff([*cuts, len(laid)]))
    begins = ends - extents
    first[places] = begins - begins[cuts][shard[places]]
    return Index(number, shard, first, counts, [_name(laid[cut]) for cut in cuts], lead)


def _shard_bytes(total: int) -> int:
    size = SHARD_BYTES
    while size < LARGEST_SHARD_BYTES and total > size * FEW_SHARDS:
        size *= 2
    return size


def _cuts(ids: Sequence[str], ends: np.ndarray, target: int) -> list[int]:
    """Return the place of the first take of each shard.

    Args:
        ids: of takes in their order.
        ends: rows up to the end of each take, (takes,).
        target: rows of a shard, at a mean.
    """
    marks = np.fromiter((zlib.crc32(take.encode()) for take in ids), np.uint32, len(ids))
    cuts, begin = [0] if len(ids) else [], 0
    while len(ids) and ends[-1] - begin > 3 * target // 2:
        window = np.searchsorted(ends, [begin + target // 2, begin + 3 * target // 2 + 1])
        low, high = window[0] + 1, max(window[1], window[0] + 1)
        if low >= len(ids):
            break
        cuts.append(int(low + marks[low : high + 1].argmin()))
        begin = int(ends[cuts[-1] - 1])
    return cuts


def _name(take: str) -> str:
    """Return the name of the shard that begins with this take."""
    return hashlib.sha256(take.encode()).hexdigest()[:16]


def write_index(path: Path, index: Index) -> None:
    """Write it as CSV."""
    columns = index.shard.tolist(), index.first.tolist(), index.frames.tolist()
    rows = zip(index.number, *columns, strict=True)
    named = ((take, index.names[shard], first, frames) for take, shard, first, frames in rows)
    write_rows(path, COLUMNS, named)


def read_index(path: Path, lead: int = 0) -> Index:
    """Return what was written, line by line: it may be of millions of takes.

    Args:
        path: of the CSV.
        lead: rows before the first frame of each take, as it was laid.

    Raises:
        DamagedError: if it is no more there.
    """
    number: dict[str, int] = {}
    found: dict[str, int] = {}
    with reading(path), open(path, encoding="utf-8", newline="") as file:
        table = csv.reader(_whole_lines(file), strict=True)
        if (header := next(table, None)) != COLUMNS:
            raise ValueError(f"its columns are {header}")
        numbers = np.fromiter(_numbers(table, number, found), np.dtype((np.int64, 3)))
        shard, first, frames = numbers.reshape(-1, 3).T.copy()
        index = Index(number, shard, first, frames, list(found), lead)
        if len(number) != len(frames):
            raise ValueError("a take has two lines")
        _check_end_to_end(index)
    return index


def _numbers(
    table: Iterable[list[str]], number: dict[str, int], found: dict[str, int]
) -> Iterator[tuple[int, int, int]]:
    """Yield shard, first row and frames of each line; fill in the numbers of takes and shards."""
    for take, shard, first, frames in table:
        number[take] = len(number)
        yield found.setdefault(shard, len(found)), int(first), int(frames)


def _whole_lines(file: Iterable[str]) -> Iterator[str]:
    line = "\n"
    for line in file:
        yield line
    if not line.endswith("\n"):
        raise ValueError("it ends within a line")


def _check_end_to_end(index: Index) -> None:
    """Raise ValueError unless the takes of each shard lie end to end, from its first row on."""
    order = _by_place(index)
    shard, first, extents = index.shard[order], index.first[order], index.extents()[order]
    begins = np.concatenate([[0], (first + extents)[:-1]]) if len(order) else first
    begins[np.flatnonzero(np.diff(shard, prepend=-1))] = 0
    if (index.frames < 0).any() or not np.array_equal(begins, first):
        raise ValueError("takes do not lie end to end")
