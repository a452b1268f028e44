"""Transcripts as files that other programs open: subtitles, tiers, labels, JSON."""

import html
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from voicegraft.inference.subtitles import subtitles
from voicegraft.inference.transcriber import Segment, Transcript, Word
from voicegraft.speech.audio import legible

TEXT, WORDS = "text", "words"
"""The names of tiers: what lies between two pauses, and words."""


def as_text(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return the text alone."""
    return found.text + "\n"


def as_json(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return all that was found, for reading: words with times and confidences."""
    return _json(found, recording, indent=2)


def as_jsonl(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return all that was found, in one line."""
    return _json(found, recording)


def as_tsv(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return a line for what lies between two pauses: labels of Audacity."""
    return "".join(
        f"{s.start_seconds:.3f}\t{s.end_seconds:.3f}\t{s.text}\n" for s in found.segments
    )


def as_srt(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return subtitles of SubRip."""
    return "".join(
        f"{number}\n{_clock(s.start_seconds, ',')} --> {_clock(s.end_seconds, ',')}\n"
        + "".join(f"{line}\n" for line in s.lines)
        + "\n"
        for number, s in enumerate(subtitles(_words(found)), 1)
    )


def as_vtt(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return subtitles of WebVTT, https://www.w3.org/TR/webvtt1."""
    cues = [
        f"\n{_clock(s.start_seconds, '.')} --> {_clock(s.end_seconds, '.')}\n"
        + "".join(f"{html.escape(line, quote=False)}\n" for line in s.lines)
        for s in subtitles(_words(found))
    ]
    return "".join(["WEBVTT\n", *cues])


def as_textgrid(found: Transcript, recording: Path, folder: Path) -> str:  # noqa: ARG001
    """Return tiers of Praat, https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html."""
    tiers = {TEXT: found.segments, WORDS: _words(found)}
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {found.seconds}", "tiers? <exists>", f"size = {len(tiers)}"]
    lines += ["item []:"]
    for number, (name, spoken) in enumerate(tiers.items(), 1):
        intervals = _without_gaps(spoken, found.seconds)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f'        name = "{name}"', "        xmin = 0", f"        xmax = {found.seconds}"]
        lines += [f"        intervals: size = {len(intervals)}"]
        for place, (start, end, text) in enumerate(intervals, 1):
            quoted = text.replace('"', '""')
            lines += [f"        intervals [{place}]:", f"            xmin = {start}"]
            lines += [f"            xmax = {end}", f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


def as_eaf(found: Transcript, recording: Path, folder: Path) -> str:
    """Return tiers of ELAN, linked to the recording; its time is that of the recording."""
    from pympi.Elan import Eaf, to_adocument  # only ELAN's files need it

    eaf = Eaf(author="voicegraft")
    spoken_at = recording.stat().st_mtime if recording.exists() else 0.0
    eaf.adocument["DATE"] = datetime.fromtimestamp(spoken_at, UTC).isoformat(timespec="seconds")
    media = Path(os.path.relpath(recording.absolute(), folder.absolute())).as_posix()
    eaf.add_linked_file(recording.absolute().as_uri(), relpath=f"./{media}", mimetype="audio/*")
    eaf.remove_tier("default")
    for name, spoken in ((TEXT, found.segments), (WORDS, _words(found))):
        eaf.add_tier(name)
        for one in _apart(spoken):
            times = round(1000 * one.start_seconds), round(1000 * one.end_seconds)
            if times[0] < times[1]:
                eaf.add_annotation(name, *times, one.text)
    tree = ElementTree.tostring(to_adocument(eaf, True), encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tree}\n'


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    content: Callable[[Transcript, Path, Path], str]
    """For a transcript, its recording, and the folder of the file."""
    suffix: str


FORMATS = {
    "text": Format(as_text, ".txt"),
    "json": Format(as_json, ".json"),
    "jsonl": Format(as_jsonl, ".jsonl"),
    "tsv": Format(as_tsv, ".tsv"),
    "srt": Format(as_srt, ".srt"),
    "vtt": Format(as_vtt, ".vtt"),
    "textgrid": Format(as_textgrid, ".TextGrid"),
    "eaf": Format(as_eaf, ".eaf"),
}


def _json(found: Transcript, recording: Path, indent: int | None = None) -> str:
    named = {"file": legible(recording)} | asdict(found)
    return json.dumps(named, ensure_ascii=False, indent=indent) + "\n"


def _words(found: Transcript) -> list[Word]:
    return [word for segment in found.segments for word in segment.words]


def _clock(seconds: float, point: str) -> str:
    """Return hours, minutes, seconds and milliseconds."""
    whole, thousandths = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{thousandths:03}"


def _apart(spoken: Sequence[Segment | Word]) -> list[Segment | Word]:
    """Return what is spoken so that none begins before the last has ended, as in a tier."""
    found: list[Segment | Word] = []
    for one in spoken:
        start = max(one.start_seconds, found[-1].end_seconds if found else 0.0)
        if start < one.end_seconds:
            found.append(replace(one, start_seconds=start))
    return found


def _without_gaps(
    spoken: Sequence[Segment | Word], seconds: float
) -> list[tuple[float, float, str]]:
    """Return intervals from 0 to the end: Praat has one without text for each pause."""
    intervals, last = [], 0.0
    for one in _apart(spoken):
        if last < one.start_seconds:
            intervals.append((last, one.start_seconds, ""))
        last = min(one.end_seconds, seconds)
        intervals.append((one.start_seconds, last, one.text))
    return intervals + ([(last, seconds, "")] if last < seconds else [])
