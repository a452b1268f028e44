"""The user's own recordings, in the layout of AudioFolder or Common Voice.

Hugging Face's AudioFolder: `metadata.csv` in the folder, or one in each of `train/`, `test/` …:

    file_name,transcription,label,speaker,session,split,start,end,reject

A transcription or a label is needed; all columns behind are optional. Clips with neither are in the
split `unlabelled`. Files in the folders `unlabelled/` and `background/` need no table; nobody
speaks in the latter. With `start` and `end`, in seconds, a line is a segment of a longer recording.
A line with something in `reject` is left out for that reason. `voicegraft listen` writes these
three.

Common Voice: `clips/`, and `train.tsv`, `dev.tsv`, `test.tsv`, or only `validated.tsv`, with the
columns client_id, path, sentence.

Recordings must be in the folder: DVC watches nothing else, and a table from somebody else must not
be able to read other files of this machine.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import SPLIT_NAMES, check_inside, name_within, spelt
from voicegraft.preparing.segments import seconds
from voicegraft.speech.audio import legible
from voicegraft.speech.manifest import TEXTLESS

FILES = ("metadata.csv", "*/metadata.csv", "train.tsv", "dev.tsv", "test.tsv", "validated.tsv")
FILE = ("file_name", "path")
TEXT = ("transcription", "text", "sentence")
LABEL = ("label",)
SPEAKER = ("speaker", "speaker_id", "client_id")


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the clips in the order of the tables; a second line for a file is a problem."""
    seen = set()
    for clip in _all_clips(folder):
        yield replace(clip, problem="listed twice") if clip.id in seen else clip
        seen.add(clip.id)


def tables(folder: Path) -> Iterator[tuple[Path, Path, str]]:
    """Yield each table, the folder of its files, and the split of lines that name none."""
    own = sorted([*folder.glob("metadata.csv"), *folder.glob("*/metadata.csv")])
    for table in own:
        side = "" if table.parent == folder else SPLIT_NAMES.get(table.parent.name, "")
        yield table, table.parent, side
    for table in [] if own else _common_voice(folder):
        yield table, folder / "clips", SPLIT_NAMES[table.stem]


def _all_clips(folder: Path) -> Iterator[Clip]:
    found = list(tables(folder))
    for table, sounds, side in found:
        yield from _read(table, folder, sounds, side)
    if not found:
        raise CorpusError(
            f"corpus.folder: {folder} contains neither metadata.csv (Hugging Face's AudioFolder) "
            f"nor train.tsv or validated.tsv (Common Voice)"
        )
    for side in TEXTLESS:
        yield from _without_table(folder / side, side)


def _without_table(sounds: Path, side: str) -> Iterator[Clip]:
    """Yield the files in `sounds`, unless there is a table in it."""
    if not (sounds / "metadata.csv").is_file():
        for path in sorted(file for file in sounds.rglob("[!.]*") if file.is_file()):
            check_inside(path, sounds.parent, str(path))
            yield Clip(id=name_within(path, sounds.parent), path=path, text="", split=side)


def _common_voice(folder: Path) -> list[Path]:
    tables = [folder / f"{name}.tsv" for name in ("train", "dev", "test")]
    found = [table for table in tables if table.is_file()]
    return found or [t for t in [folder / "validated.tsv"] if t.is_file()]


def _read(table: Path, folder: Path, sounds: Path, side: str) -> Iterator[Clip]:
    """Yield the clips of one table, whose files lie in `sounds`."""
    rows = _rows(table)
    header = next(rows, {})
    file = _column(table, header, FILE)
    if side not in TEXTLESS:
        _column(table, header, TEXT + LABEL)
    text, speaker = (next((n for n in names if n in header), "") for names in (TEXT, SPEAKER))
    for row in rows:
        path = spelt(sounds, row[file])
        check_inside(path, folder, f"{table}: {row[file]}")
        name = name_within(sounds / row[file], folder)
        yield Clip(
            **_segment(row, name, f"{table}: {row[file]}"),
            path=path,
            text=row.get(text, ""),
            label=row.get("label", ""),
            speaker=row.get(speaker, ""),
            session=row.get("session", ""),
            split=_split(table, row.get("split", side)),
        )


def _segment(row: dict[str, str], name: str, where: str) -> dict[str, Any]:
    """Return the id, the times and the problem of a line: a whole file, or a segment of it."""
    reject = row.get("reject", "").strip()
    problem = f"rejected by ear: {reject}" if reject else ""
    if not row.get("end"):
        return {"id": name, "problem": problem}
    start, end = seconds(row.get("start") or "0", where), seconds(row["end"], where)
    problem = problem or ("" if 0 <= start < end else "no length")
    return {"id": f"{name}/{start:.3f}-{end:.3f}", "problem": problem, "start": start, "end": end}


def _rows(table: Path) -> Iterator[dict[str, str]]:
    """Yield the header, then each line, as strings by column."""
    # Common Voice does not quote: a quotation mark is part of the text.
    style = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if table.suffix == ".tsv" else {}
    try:
        # File names may contain any bytes.
        with open(table, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            lines = csv.DictReader(file, restval="", **style)
            yield {name: _utf8(table, 1, name, name) for name in lines.fieldnames or ()}
            for row in lines:
                for column in (name for name in row if name not in FILE):
                    _utf8(table, lines.line_num, column, row[column])
                yield row
    except csv.Error as error:
        raise CorpusError(f"{table} cannot be read as a table: {error}") from None


def _utf8(table: Path, line: int, column: str | None, text: str | list[str]) -> str:
    """Return `text`, or raise CorpusError if it was not in UTF-8."""
    joined = "".join(text)
    try:
        joined.encode()
    except UnicodeEncodeError:
        raise CorpusError(
            f"{table} cannot be read as a table in UTF-8: line {line}, column "
            f"{legible(column or 'none')} is in another encoding; `iconv -f … -t UTF-8` turns it"
        ) from None
    return joined


def _column(table: Path, header: dict[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if name in header:
            return name
    raise CorpusError(
        f"{table} has no column {' or '.join(names)}; its columns: {', '.join(header) or 'none'}"
    )


def _split(table: Path, name: str) -> str:
    if name.strip().lower() in SPLIT_NAMES:
        return SPLIT_NAMES[name.strip().lower()]
    choices = ", ".join(name for name in SPLIT_NAMES if name)
    raise CorpusError(f"{table}: split {name!r} is unknown; known: {choices}, or nothing")
