"""Clips as the tables of a folder have them, by the rules of the plug-in `folder`."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicegraft.corpora import folder as own
from voicegraft.listening.journal import Cells
from voicegraft.listening.table import Table
from voicegraft.preparing.corpus import CorpusError
from voicegraft.preparing.paths import SPLIT_NAMES, check_inside, name_within, spelt
from voicegraft.preparing.segments import seconds

REJECT, SPLIT, SESSION, START, END = "reject", "split", "session", "start", "end"
WRITTEN, WORD_TIMES, CERTAINTY = "written", "word_times", "certainty"
"""Columns with what a model wrote of a segment, before anybody listened to it."""


@dataclass(frozen=True)
class TableClip:
    """A clip as its table has it."""

    key: str  # names it in addresses
    name: str
    table: str
    index: int  # of its line
    path: Path
    start: float
    end: float | None  # None: to the end of the file
    text: str
    speaker: str
    reject: str  # why it is left out; "" if it is not
    split: str
    written: str
    word_times: str
    certainty: str
    revision: str


def read_clips(folder: Path, table: Table, sounds: Path, side: str) -> Iterator[TableClip]:
    """Yield the clips of a table, in the order of its lines.

    Args:
        folder: of the corpus.
        table: one of its tables.
        sounds: the folder of its files.
        side: the split of lines that name none.

    Raises:
        CorpusError: if a column is missing, or a time is none.
    """
    if not set(own.FILE) & set(table.header):
        raise CorpusError(f"{table.path} has no column {' or '.join(own.FILE)}")
    file, text = column(table, own.FILE), column(table, own.TEXT + own.LABEL)
    speaker, where = column(table, own.SPEAKER), name_within(table.path, folder)
    for index, row in table.rows():
        name = name_of(row, table, sounds, folder)
        given = row.get(SPLIT, side).strip().lower()
        yield TableClip(
            key=key_of(where, name),
            name=name,
            table=where,
            index=index,
            path=spelt(sounds, row[file]),
            start=seconds(row.get(START) or "0", str(table.path)),
            end=seconds(row[END], str(table.path)) if row.get(END) else None,
            text=row.get(text, ""),
            speaker=row.get(speaker, ""),
            reject=row.get(REJECT, ""),
            split=SPLIT_NAMES.get(given, given),
            written=row.get(WRITTEN, ""),
            word_times=row.get(WORD_TIMES, ""),
            certainty=row.get(CERTAINTY, ""),
            revision=_revision(row),
        )


def column(table: Table, names: tuple[str, ...]) -> str:
    """Return the first of `names` that the table has for a column, or that it would get."""
    return next((name for name in names if name in table.header), names[0])


def name_of(row: Cells, table: Table, sounds: Path, folder: Path) -> str:
    """Return the name of a line's clip, as the corpus has it for an id."""
    name = name_within(sounds / row[column(table, own.FILE)], folder)
    if not row.get(END):
        return name
    where = str(table.path)
    return f"{name}/{seconds(row.get(START) or '0', where):.3f}-{seconds(row[END], where):.3f}"


def key_of(table: str, name: str) -> str:
    """Return the name of a clip in addresses."""
    return hashlib.sha256(f"{table}\0{name}".encode(errors="surrogateescape")).hexdigest()[:20]


def inside(clip: TableClip, folder: Path) -> Path:
    """Return the file of a clip.

    Raises:
        CorpusError: if it is outside of the folder, after links are resolved.
    """
    check_inside(clip.path, folder, str(clip.path))
    return clip.path


def _revision(row: Cells) -> str:
    held = sorted((name, value) for name, value in row.items() if value)
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()[:16]
