"""A dataset of Hugging Face in a local folder of Parquet, with a column of audio.

As the hub has it: `data/train-00000-of-00001.parquet`, or `train.parquet`, at any depth. The text
is in `transcription`, `text`, `sentence`, `transcript` or `normalized_text`; `speaker`, `session`
and `label` are optional. A word in the path tells the split. Sounds are in the table, or files of
the folder that it names: `Dataset.to_parquet` leaves them where they were, unless
`datasets.table.embed_table_storage` was mapped over it. Needs the extra `parquet`.

Nothing is fetched, and no script of a dataset is run.

https://huggingface.co/docs/hub/datasets-audio
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.parquet import Table
from voicegraft.preparing.paths import SPLIT_NAMES, files, name_within
from voicegraft.preparing.segments import recording
from voicegraft.speech.audio import legible

FILES = ("*.parquet",)
COLUMNS = {
    "text": ("transcription", "text", "sentence", "transcript", "normalized_text"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "session": ("session",),
    "label": ("label",),
}


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the rows of each table, in the order of its name; `row` is where the sound is."""
    for path in files(folder, ".parquet"):
        yield from _clips(path, folder)


def _clips(path: Path, folder: Path) -> Iterator[Clip]:
    table, name = Table(path), name_within(path, folder)
    columns = _columns(table)
    classes = table.class_names(columns.get("label", ""))
    for number, (row, sound, embedded) in enumerate(table.rows(*columns.values())):
        own = {field: _text(row[column]) for field, column in columns.items()}
        if classes and own["label"]:
            own["label"] = _class(row[columns["label"]], classes, f"{name}, row {number}")
        place = {"path": path, "row": number}
        if not embedded:
            place = _elsewhere(sound, path, folder, f"{name}, row {number}")
        yield Clip(f"{name}/{number}", split=_split(name), **{"text": ""} | own | place)


def _columns(table: Table) -> dict[str, str]:
    """Return the column of each field of a clip that the table has."""
    found = {
        field: column
        for field, names in COLUMNS.items()
        if (column := next((name for name in names if name in table.names), ""))
    }
    if not {"text", "label"} & found.keys():
        wanted, there = " or ".join((*COLUMNS["text"], "label")), ", ".join(table.names)
        raise CorpusError(f"{legible(table.path)} has no column {wanted}; its columns: {there}")
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _class(value: Any, classes: list[str], where: str) -> str:
    """Return the name of a class number; -1 is a class that is not told."""
    if value == -1:
        return ""
    if not isinstance(value, int) or not 0 <= value < len(classes):
        raise CorpusError(f"{where}: {value!r} is none of the {len(classes)} classes")
    return classes[value]


def _elsewhere(name: str | None, table: Path, folder: Path, where: str) -> dict[str, Any]:
    """Return the file that a row without a sound names, or that there is none."""
    if not name:
        return {"path": table, "problem": "no recording"}
    return {"path": recording(name, table.parent, folder, where)}


def _split(name: str) -> str:
    words = re.split(r"[/._-]", name.lower())
    return next((SPLIT_NAMES[word] for word in words if SPLIT_NAMES.get(word)), "")
