"""Segments of long recordings: clips of what was annotated, and their audio.

A recording is decoded once for all its segments, in blocks, so that an hour takes the memory of a
segment, in any format.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from voicegraft.preparing.corpus import Clip, CorpusError
from voicegraft.preparing.paths import check_inside, name_within, spelt
from voicegraft.speech.audio import AudioError, legible, stream_audio
from voicegraft.speech.manifest import SAMPLE_RATE

SLACK_SECONDS = 0.1
"""Boundaries set by hand may overlap, or pass the end of the recording, by so much."""

SOUND = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"}
SOUND |= {".aif", ".mp2", ".oga", ".opus"}


@dataclass(frozen=True)
class Segment:
    """What was annotated: a text between two times, in seconds; None if it has no time."""

    start: float | None
    end: float | None
    text: str
    speaker: str = ""
    problem: str = ""
    id: str = ""  # "" is made of its times


def clips_of(
    segments: Iterable[Segment], name: str, path: Path, session: str, split: str = ""
) -> Iterator[Clip]:
    """Yield the segments of the recording `path` by their starts, each with what is wrong with it.

    Two that overlap are both wrong, whoever speaks: the audio of each has words of the other. Those
    without a text take no part in this. Ids, where they have none, are `name` with the times.
    """
    timed = sorted(segments, key=lambda s: (s.start or 0.0, s.end or 0.0))
    spoken = [i for i, s in enumerate(timed) if s.text.strip() and not _fault(s)]
    crowded = {spoken[i] for i in _overlapping([timed[i] for i in spoken])}
    for i, segment in enumerate(timed):
        problem = _fault(segment) or ("overlaps another segment" if i in crowded else "")
        yield Clip(
            id=segment.id or f"{name}/{_time(segment.start)}-{_time(segment.end)}",
            path=path,
            text=segment.text,
            speaker=segment.speaker,
            session=session,
            split=split,
            problem=problem,
            start=segment.start or 0.0,
            end=segment.end or 0.0,
        )


def _time(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds:.3f}"


def _fault(segment: Segment) -> str:
    if segment.problem:
        return segment.problem
    if segment.start is None or segment.end is None:
        return "no time"
    if segment.start < 0:
        return "before the beginning"
    return "no length" if segment.end <= segment.start else ""


def _overlapping(segments: Sequence[Segment]) -> set[int]:
    """Return the indices of segments, in the order of starts, that overlap another."""
    found, reach = set(), 0.0
    for i, segment in enumerate(segments):
        if i and segment.start < reach - SLACK_SECONDS:
            found.add(i)
        reach = max(reach, segment.end)
    # Of the later ones, the next starts first.
    later = zip(segments, segments[1:], strict=False)
    return found | {i for i, (a, b) in enumerate(later) if b.start < a.end - SLACK_SECONDS}


def beside(annotation: Path, folder: Path) -> Path:
    """Return the sound file with the name of an annotation file: `a.wav` of `a.srt` or `a.cs.srt`.

    If there is none, return the name that it could have: its clips are rejected as missing.

    Raises:
        CorpusError: if it is a link out of `folder`.
    """
    stems = [annotation.stem, annotation.name.split(".")[0]]
    near = sorted(path for path in annotation.parent.iterdir() if path.suffix.lower() in SOUND)
    for stem in stems:
        for path in near:
            if path.stem == stem and path.is_file():
                check_inside(path, folder, str(path))
                return path
    return annotation.with_suffix(".wav")


def clips_of_rows(rows: Iterable[tuple[Path, str, Segment]], folder: Path) -> Iterator[Clip]:
    """Yield the clips of (recording, split, segment), recording by recording."""
    recordings: dict[tuple[Path, str], list[Segment]] = {}
    for path, split, segment in rows:
        recordings.setdefault((path, split), []).append(segment)
    for (path, split), segments in recordings.items():
        name = name_within(path, folder)
        yield from clips_of(segments, name, path, name, split)


def recording(name: str, base: Path, folder: Path, where: str) -> Path:
    """Return the file `name` of the line `where`, relative to `base` or to `folder`, the corpus.

    Raises:
        CorpusError: if it is outside of `folder`.
    """
    found = [spelt(base, name), spelt(folder, name)]
    path = next((path for path in found if os.path.isfile(path)), found[0])
    check_inside(path, folder, f"{where}: {name}")
    return path


def without_segments(annotation: Path, folder: Path, problem: str) -> Clip:
    """Return the clip that stands for a file without any segment, so that it is counted."""
    return Clip(id=name_within(annotation, folder), path=annotation, text="", problem=problem)


def audio_of(clips: Iterable[Clip], max_seconds: float) -> Iterator[np.ndarray | AudioError]:
    """Yield the samples of each segment of one recording, or why it has none.

    Samples are as `read_audio` returns them of the whole recording. Clips with a problem get none.

    Args:
        clips: of one file, by their starts; a step back decodes it once more.
        max_seconds: the longest clip that is wanted; a longer one is not held in memory.
    """
    source, last = None, 0.0
    for clip in clips:
        length = clip.end - clip.start
        if clip.problem:
            yield np.zeros(0, np.float32)
        elif length > max_seconds:
            yield AudioError(clip.path, "too long", f"{length:.1f} s, over {max_seconds:g} s")
        else:
            if source is None or clip.start < last:
                source = _Forward(clip.path)
            last = clip.start
            yield source.samples(clip.start, clip.end)


class _Forward:
    """A recording that is read forwards; what lies before the last start is forgotten."""

    def __init__(self, path: Path):
        self.path, self.blocks = path, stream_audio(path)
        self.held, self.first = np.zeros(0, np.float32), 0
        self.stop: AudioError | None = None

    def samples(self, start: float, end: float) -> np.ndarray | AudioError:
        """Return the samples between two times, or why they are not there."""
        begin, until = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        self._forget(begin)
        while self.stop is None and self.first + len(self.held) < until:
            self._read()
            self._forget(begin)
        missing = until - self.first - len(self.held)
        if self.stop is not None and missing > SLACK_SECONDS * SAMPLE_RATE:
            return self.stop
        return self.held[: until - begin]

    def _read(self) -> None:
        try:
            self.held = np.concatenate([self.held, next(self.blocks)])
        except StopIteration:
            seconds = (self.first + len(self.held)) / SAMPLE_RATE
            self.stop = AudioError(self.path, "beyond the end", f"which is at {seconds:.2f} s")
        except AudioError as error:
            self.stop = error

    def _forget(self, begin: int) -> None:
        passed = min(max(begin - self.first, 0), len(self.held))
        self.held, self.first = self.held[passed:], self.first + passed


def seconds(text: str, where: str) -> float:
    """Return a time in seconds, as a table gives it.

    Raises:
        CorpusError: naming `where` it is, if it is no finite number.
    """
    try:
        time = float(text)
    except (TypeError, ValueError, OverflowError):
        time = float("nan")
    if not np.isfinite(time):
        raise CorpusError(f"{legible(where)}: {text!r} is no time in seconds")
    return time
