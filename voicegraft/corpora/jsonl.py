"""Manifests of NeMo and of Lhotse, a JSON object in each line, at any depth of `corpus.folder`.

NeMo: audio_filepath, text, and where there are offset, duration, speaker. Lhotse: cuts, or
recordings with supervisions. Files are `.jsonl`, `.jsonl.gz` or end in `manifest.json`; a word in
the name tells the split. Paths are relative to the manifest or to the folder. Nothing is run or
fetched.

https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/datasets.html
https://lhotse.readthedocs.io/en/latest/corpus.html
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import SPLIT_NAMES, files, lines, name_within
from voicegraft.preparing.segments import Segment, clips_of_rows, recording, seconds

FILES = ("*.jsonl", "*.jsonl.gz", "*manifest.json")
MANIFEST = re.compile(r"\.jsonl(\.gz)?$|manifest\.json$")


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield whole files as they are listed, then segments, recording by recording."""
    paths = [path for path in files(folder, ".jsonl", ".gz", ".json") if MANIFEST.search(path.name)]
    if not paths:
        raise CorpusError(f"corpus.folder: {folder} contains no .jsonl, .jsonl.gz or manifest.json")
    objects = [_Object(where, line, path) for path in paths for where, line in lines(path) if line]
    sounds = {o.text("id"): _sound(o, o, folder) for o in objects if "sources" in o.fields}
    rows, seen = [], set()
    for found in (o for o in objects if "sources" not in o.fields):
        for path, segment in _segments(found, sounds, folder):
            if segment.end is not None or segment.problem:
                rows.append((path, found.split, segment))
                continue
            id = name_within(path, folder)
            problem = "listed twice" if id in seen else ""
            own = segment.text, segment.speaker
            yield Clip(id, path, *own, split=found.split, problem=problem)
            seen.add(id)
    yield from clips_of_rows(rows, folder)


class _Object:
    """A line of a manifest, or a part of it; fields that are not of their type are refused."""

    def __init__(self, where: str, line: str | dict[str, Any], path: Path):
        self.where, self.path = where, path
        try:
            self.fields = json.loads(line) if isinstance(line, str) else line
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{where}: it is no JSON ({error})") from None
        if not isinstance(self.fields, dict):
            raise CorpusError(f"{where}: it is no JSON object")
        words = re.split(r"[._-]", path.name.lower())
        self.split = next((SPLIT_NAMES[w] for w in words if SPLIT_NAMES.get(w)), "")

    def text(self, *names: str) -> str:
        """Return the first of the fields that is there, as a string; "" if none is."""
        value = next((self.fields[n] for n in names if self.fields.get(n) is not None), "")
        if not isinstance(value, str | int):
            raise CorpusError(f"{self.where}: {' or '.join(names)} is no string")
        try:
            os.fsencode(str(value))
        except UnicodeEncodeError:  # JSON may write a half of a character: "\\ud800"
            raise CorpusError(f"{self.where}: {' or '.join(names)} is no Unicode") from None
        return str(value)

    def time(self, name: str) -> float:
        """Return a field in seconds, 0 if it is not there."""
        return seconds(self.fields.get(name, 0), f"{self.where}: {name}")

    def parts(self, name: str) -> list["_Object"]:
        """Return the objects in a list, none if it is not there."""
        held = self.fields.get(name, [])
        if not isinstance(held, list) or not all(isinstance(part, dict) for part in held):
            raise CorpusError(f"{self.where}: {name} is no list of objects")
        return [_Object(self.where, part, self.path) for part in held]


def _segments(
    found: _Object, sounds: dict[str, Path], folder: Path
) -> Iterator[tuple[Path, Segment]]:
    """Yield the recording and segment of each text; a segment with no end is a whole file."""
    about = found.text("text", "transcript"), found.text("speaker", "speaker_id")
    if "audio_filepath" in found.fields:
        name = found.text("audio_filepath")
        path = recording(name, found.path.parent, folder, found.where)
        start, end = (None, None) if found.fields.get("offset") is None else _span(found, 0.0)
        yield path, Segment(start, end, *about)
    elif "supervisions" in found.fields:
        yield from _cut(found, sounds, folder)
    elif "recording_id" in found.fields:
        path = _known(found, sounds)
        yield path, Segment(*_span(found, 0.0), *about, id=found.text("id"))
    else:
        raise CorpusError(f"{found.where}: neither of NeMo (audio_filepath) nor of Lhotse")


def _cut(cut: _Object, sounds: dict[str, Path], folder: Path) -> Iterator[tuple[Path, Segment]]:
    """Yield what is said in a cut: supervisions count their times from its start."""
    if cut.text("type") not in ("MonoCut", "MultiCut", "Cut", ""):
        yield cut.path, Segment(0.0, 0.0, "", problem="no plain cut", id=cut.text("id"))
        return
    whole = cut.fields.get("recording")
    path = (
        _sound(_Object(cut.where, whole, cut.path), cut, folder)
        if isinstance(whole, dict)
        else _known(cut, sounds)
    )
    for said in cut.parts("supervisions"):
        about = said.text("text"), said.text("speaker")
        yield path, Segment(*_span(said, cut.time("start")), *about, id=said.text("id"))


def _span(found: _Object, origin: float) -> tuple[float, float]:
    start = origin + found.time("offset" if "offset" in found.fields else "start")
    return start, start + found.time("duration")


def _known(found: _Object, sounds: dict[str, Path]) -> Path:
    """Return the recording of that id."""
    id = found.text("recording_id")
    if id not in sounds:
        raise CorpusError(f"{found.where}: there is no recording {id!r}")
    return sounds[id]


def _sound(held: _Object, line: _Object, folder: Path) -> Path:
    """Return the file of a recording of Lhotse; commands and addresses are refused."""
    sources = held.parts("sources")
    kinds = [source.text("type") for source in sources]
    if kinds != ["file"] or held.fields.get("transforms"):
        why = f"a recording has to be one file as it is, not {', '.join(kinds) or 'none'}"
        raise CorpusError(f"{line.where}: {why}; no command is run, and nothing fetched")
    return recording(sources[0].text("source"), line.path.parent, folder, line.where)
