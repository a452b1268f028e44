"""Manifests of millions of clips, which are read row by row."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from voicegraft.pipeline.files import DamagedError, reading
from voicegraft.pipeline.packed import read_packed
from voicegraft.speech.manifest import SPLITS, TEXTLESS, Corpus, Utterance

LARGE_MANIFEST_BYTES = 100 * 2**20
"""Of about a million clips. A larger manifest stays in its file while a model is trained."""

SIDES = (*SPLITS, *TEXTLESS)
ROW = np.dtype([("at", "i8"), ("side", "u1"), ("first", "i8"), ("samples", "i8")])
"""Of a clip: where its line begins in the file, its side in SIDES, and its samples."""


class Rows(Sequence[Utterance]):
    """Utterances of a manifest of any length: each is read from the file when it is asked for.

    A clip takes 33 bytes of memory, where an `Utterance` takes 500.

    Args:
        path: of the manifest.
        columns: their names.
        table: ROW of every line of the file.
        places: of the utterances in the table.
    """

    __slots__ = ("_columns", "_path", "_places", "_table")

    def __init__(self, path: Path, columns: list[str], table: np.ndarray, places: np.ndarray):
        self._path, self._columns, self._table, self._places = path, columns, table, places

    @property
    def samples(self) -> np.ndarray:
        """How many samples each has, int64 (utterances,)."""
        return self._table["samples"][self._places]

    @property
    def first(self) -> np.ndarray:
        """The first sample of each, int64 (utterances,)."""
        return self._table["first"][self._places]

    def at(self, places: np.ndarray | slice) -> "Rows":
        """Return the utterances at some places of this, in that order."""
        return Rows(self._path, self._columns, self._table, self._places[places])

    def joined(self, more: "Rows") -> "Rows":
        """Return these utterances, then more of the same file."""
        places = np.concatenate([self._places, more._places])
        return Rows(self._path, self._columns, self._table, places)

    def of(self, *splits: str) -> "Rows":
        """Return the utterances of `splits`, in their order."""
        sides = [number for number, side in enumerate(SIDES) if side in splits]
        return self.at(np.isin(self._table["side"][self._places], sides))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place):  # noqa: ANN001, ANN204 - as of any sequence
        if isinstance(place, slice):
            return self.at(place)
        with open(self._path, "rb") as file:
            return self._read(file, self._places[place])

    def __iter__(self) -> Iterator[Utterance]:
        with open(self._path, "rb") as file:
            for place in self._places:
                yield self._read(file, place)

    def _read(self, file: BinaryIO, place: int) -> Utterance:
        file.seek(self._table["at"][place])
        row = next(csv.reader((line.decode() for line in file), strict=True))
        named = dict(zip(self._columns, row, strict=True))
        numbers = {name: int(named[name]) for name in ("first_sample", "samples")}
        return Utterance(**named | numbers)


def read_rows(path: Path) -> Rows:
    """Return all utterances of a manifest.

    Raises:
        DamagedError: if the file is not as it was written, or names sides that there are not.
    """
    with reading(path), open(path, "rb") as file:
        lines = _Lines(file)
        used = ("split", "first_sample", "samples")
        split, first, samples = (lines.columns.index(name) for name in used)
        sides = {side: number for number, side in enumerate(SIDES)}
        found = ((at, sides[row[split]], int(row[first]), int(row[samples])) for at, row in lines)
        table = np.fromiter(found, ROW)
        return Rows(path, lines.columns, table, np.arange(len(table)))


class _Lines:
    """Gives the place of each row in a CSV file, with the row; a text may have several lines."""

    def __init__(self, file: BinaryIO):
        self._file, self._at = file, 0
        self._table = csv.reader(self._lines(), strict=True)
        self.columns = next(self._table, [])

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            at = self._at
            if (row := next(self._table, None)) is None:
                return
            if len(row) != len(self.columns):
                raise ValueError("a line has not as many cells as the header")
            yield at, row

    def _lines(self) -> Iterator[str]:
        for line in self._file:
            if not line.endswith(b"\n"):
                raise ValueError("it ends within a line")
            self._at += len(line)
            yield line.decode()


class LargeCorpus(Corpus):
    """A corpus of millions of clips: its utterances stay in the file, see `Rows`."""

    def __init__(self, folder: Path):
        self.utterances = rows = read_rows(folder / "manifest.csv")
        self._audio = read_packed(folder / "audio.npy")
        if len(rows) and not (
            rows.first.min() >= 0 <= rows.samples.min()
            and (rows.first + rows.samples).max() <= len(self._audio)
        ):
            raise DamagedError(f"{folder}: audio.npy has not all samples that manifest.csv names")

    def of(self, *splits: str) -> Rows:
        """Return the utterances of `splits`, in manifest order."""
        return self.utterances.of(*splits)


def open_corpus(folder: Path) -> Corpus:
    """Return the corpus in a folder: with a list of its utterances, unless that would be large."""
    large = (folder / "manifest.csv").stat().st_size > LARGE_MANIFEST_BYTES
    return LargeCorpus(folder) if large else Corpus(folder)


def choose(utterances: Sequence[Utterance], places: Sequence[int]) -> Sequence[Utterance]:
    """Return the utterances at some places of a list, or of rows of a file."""
    if isinstance(utterances, Rows):
        return utterances.at(np.asarray(places, np.int64))
    return [utterances[place] for place in np.asarray(places, np.int64).tolist()]


def samples_of(utterances: Sequence[Utterance]) -> np.ndarray:
    """Return how many samples each has, int64 (utterances,)."""
    if isinstance(utterances, Rows):
        return utterances.samples
    return np.fromiter((u.samples for u in utterances), np.int64, len(utterances))
