"""Subtitles beside their recordings, `a.srt` or `a.cs.vtt` and `a.wav`, at any depth of the folder.

SubRip, and WebVTT (https://www.w3.org/TR/webvtt1/): its voices, `<v Ann>`, are the speakers. Tags
and places on the screen are dropped, lines are joined. pysubs2, which reads both, drops voices, and
takes notes and names of cues for text.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import files, name_within, read_text
from voicegraft.preparing.segments import Segment, beside, clips_of, without_segments
from voicegraft.speech.audio import legible

FILES = ("*.srt", "*.vtt")
TIME = r"(?:(\d{1,5}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
CUE = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?:\s.*)?")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
TAG = re.compile(r"</?[a-zA-Z0-9][^>]*>|\{\\[^}]*\}")
BLOCKS = ("NOTE", "STYLE", "REGION")
"""Of WebVTT, without a text; what comes before the first cue is its header."""


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the cues of each file, in the order of names and times."""
    for path in files(folder, ".srt", ".vtt"):
        sound, name = beside(path, folder), name_within(path, folder)
        cues = list(_cues(path))
        if not cues:
            yield without_segments(path, folder, "no subtitle")
        yield from clips_of(cues, name, sound, name_within(sound, folder))


def _cues(path: Path) -> Iterator[Segment]:
    """Yield the cues; blocks are parted by empty lines."""
    lines = read_text(path).splitlines()
    is_web = path.suffix.lower() == ".vtt"
    if is_web and not (lines and re.match(r"WEBVTT(\s|$)", lines[0])):
        raise CorpusError(f"{legible(path)}, line 1: it does not begin with WEBVTT")
    for number, block in _blocks(lines):
        if is_web and (number == 1 or block[0].split(" ")[0].rstrip(":") in BLOCKS):
            continue
        yield _cue(path, number, block)


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line, and the lines, of each block."""
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _cue(path: Path, number: int, block: list[str]) -> Segment:
    """Return the cue of a block, which may have a number or a name above its times."""
    at = next((i for i, line in enumerate(block[:2]) if "-->" in line), None)
    if at is None:
        why = f"here should be times, 00:00:01,000 --> 00:00:02,000, not {block[0][:40]!r}"
        raise CorpusError(f"{legible(path)}, line {number}: {why}")
    times = CUE.fullmatch(block[at])
    if times is None:
        raise CorpusError(f"{legible(path)}, line {number + at}: {block[at][:60]!r} are no times")
    if more := [i for i, line in enumerate(block) if i > at and "-->" in line]:
        why = "there is no empty line before these times"
        raise CorpusError(f"{legible(path)}, line {number + more[0]}: {why}")
    said = "\n".join(block[at + 1 :])
    voices = {voice.strip() for voice in VOICE.findall(said)}
    text = " ".join(html.unescape(TAG.sub("", said)).split())
    start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
    problem = "several voices" if len(voices) > 1 else ""
    return Segment(start, end, text, *(voices if len(voices) == 1 else [""]), problem=problem)


def _seconds(parts: tuple[str, ...]) -> float:
    hours, minutes, seconds, decimals = parts
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int(decimals.ljust(3, "0")) / 1000
