"""Recordings within tables of Parquet, in the columns that Hugging Face's `datasets` writes.

A sound is a struct of `bytes`, a whole sound file, and `path`, its name. Tables are read a few rows
at a time, so memory does not grow with them. Nothing in them is run: pyarrow, which the extra
`parquet` installs, has read extension types without pickle since 14.0.1 (CVE-2023-47248).
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

from voicegraft.preparing.corpus import Clip, CorpusError
from voicegraft.speech.audio import AudioError, legible, read_audio

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROWS, SOUNDS = 1024, 4
"""How many rows are in memory at once: of texts, of sounds."""
BUFFER_BYTES = 1 << 20
MOST_GROWTH = 100
"""Sound files are compressed already: a column that claims to unpack to more is a bomb."""


class Table:
    """A file of Parquet with a column of sounds.

    Raises:
        CorpusError: if it is damaged, claims too much, or has no or more than one such column; if
            pyarrow is not installed.
    """

    def __init__(self, path: Path):
        self.path = path
        with self._complaints():
            self._file = self._opened()
            self.names = self._file.schema_arrow.names
        self.sound = self._sound_column()
        self._check_claims()

    def rows(self, *columns: str) -> Iterator[tuple[dict[str, Any], str | None, bool]]:
        """Yield these columns of each row, the name of its sound, and whether it holds it."""
        rows = self._read([*columns, f"{self.sound}.path"], ROWS)
        with self._complaints():
            for row, embedded in zip(rows, self._embedded(), strict=True):
                yield row, (row[self.sound] or {}).get("path"), embedded

    def sounds(self) -> Iterator[bytes | None]:
        """Yield the sound file of each row."""
        for row in self._read([f"{self.sound}.bytes"], SOUNDS):
            yield (row[self.sound] or {}).get("bytes")

    def class_names(self, column: str) -> list[str]:
        """Return the names of a column of class numbers, none if it is no such column."""
        try:
            about = json.loads((self._file.schema_arrow.metadata or {})[b"huggingface"])
            names = about["info"]["features"][column]["names"]
        except (KeyError, TypeError, ValueError):
            return []
        return [str(name) for name in names] if isinstance(names, list) else []

    def _opened(self) -> "pq.ParquetFile":
        try:
            import pyarrow.parquet as pq
        except ImportError:
            needed = "tables of Parquet need `pip install -e '.[parquet]'`"
            raise CorpusError(f"{legible(self.path)}: {needed}") from None
        return pq.ParquetFile(self.path, buffer_size=BUFFER_BYTES, pre_buffer=False)

    def _sound_column(self) -> str:
        fields = {field.name: field.type for field in self._file.schema_arrow}
        found = [
            name
            for name, kind in fields.items()
            if {"bytes", "path"} <= {kind.field(i).name for i in range(kind.num_fields)}
        ]
        if "audio" in found or len(found) == 1:
            return "audio" if "audio" in found else found[0]
        why = f"{len(found)} columns of sounds (bytes and path), none called audio"
        raise CorpusError(f"{legible(self.path)} has {why}; its columns: {', '.join(self.names)}")

    def _check_claims(self) -> None:
        size, about = self.path.stat().st_size, self._file.metadata
        claimed = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if claimed > MOST_GROWTH * size:
            raise CorpusError(f"{legible(self.path)} has {size} bytes and claims {claimed}")

    def _embedded(self) -> Iterator[bool]:
        """Yield whether each row has the sound itself: by the file's statistics, or by looking."""
        about, name = self._file.metadata, f"{self.sound}.bytes"
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            chunks = (group.column(i) for i in range(group.num_columns))
            known = next((c.statistics for c in chunks if c.path_in_schema == name), None)
            if known is not None and known.has_null_count and not known.null_count:
                yield from [True] * group.num_rows
            else:
                for row in self._read([name], SOUNDS, [number]):
                    yield (row[self.sound] or {}).get("bytes") is not None

    def _read(
        self, columns: list[str], rows: int, groups: list[int] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield these columns of each row, of all groups of rows or of some."""
        with self._complaints():
            batches = self._file.iter_batches(rows, groups, columns, use_threads=False)
        done = 0
        while True:
            with self._complaints(f", after {done} rows"):
                batch = next(batches, None)
                found = [] if batch is None else batch.to_pylist()
            if batch is None:
                return
            yield from found
            done += len(found)

    @contextmanager
    def _complaints(self, where: str = "") -> Iterator[None]:
        try:
            yield
        except CorpusError:
            raise
        except (OSError, ValueError, MemoryError) as error:  # pyarrow's own are kinds of these
            name = f"{legible(self.path)}{where}"
            raise CorpusError(f"{name}: it is no whole table of Parquet: {error}") from None


def audio_in_tables(clips: Iterable[Clip], max_seconds: float) -> Iterator[np.ndarray | AudioError]:
    """Yield the samples of each clip of one table, as of a file, or why it has none.

    Args:
        clips: of one file, by their rows.
        max_seconds: the longest clip that is wanted; a longer one is not held in memory.
    """
    sounds, at = iter(()), None
    for clip in clips:
        if at is None or clip.row <= at:
            sounds, at = Table(clip.path).sounds(), -1
        for _ in range(clip.row - at):
            content = next(sounds, None)
        at = clip.row
        yield np.zeros(0, np.float32) if clip.problem else _decoded(clip, content, max_seconds)


def _decoded(clip: Clip, content: bytes | None, max_seconds: float) -> np.ndarray | AudioError:
    """Return the samples of a sound file in memory; libsndfile has to see a file to judge it."""
    if not content:
        return AudioError(clip.path, "empty", "the row has no sound")
    with NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            return read_audio(Path(file.name), max_seconds)
        except AudioError as error:
            return AudioError(clip.path, error.reason, error.detail)
