"""A long recording in segments: what a model wrote of it, and its corrected transcript.

A segment is a line of metadata.csv. Until somebody has listened to it, it has no text and is in the
split `unlabelled`, so nothing learns from what a model wrote as if a person had written it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapidfuzz.distance import Levenshtein

from voicegraft.corpora import folder as own
from voicegraft.inference.recordings import SUFFIXES
from voicegraft.listening.clips import (
    CERTAINTY,
    END,
    SESSION,
    START,
    WORD_TIMES,
    WRITTEN,
    TableClip,
)
from voicegraft.listening.desk import Desk
from voicegraft.listening.journal import Cells
from voicegraft.pipeline.files import whole
from voicegraft.speech.audio import legible

if TYPE_CHECKING:  # torch comes with it, which takes seconds to import
    from voicegraft.inference.transcriber import Segment, Transcript

Span = tuple[float, float]


def rows_of(found: "Transcript", session: str) -> list[Cells]:
    """Return a line for each segment of a transcript."""
    return [
        {
            START: f"{segment.start_seconds:.3f}",
            END: f"{segment.end_seconds:.3f}",
            SESSION: session,
            WRITTEN: segment.text,
            WORD_TIMES: " ".join(
                f"{w.start_seconds:.3f}-{w.end_seconds:.3f}" for w in segment.words
            ),
            CERTAINTY: _certainty(segment),
        }
        for segment in found.segments
    ]


def open_desk(source: Path, transcribe: "Callable[[Path], Transcript] | None") -> Desk:
    """Return the desk of a folder, or of a recording; one without segments is transcribed first.

    A folder without a table whose recordings lie in it gets segments of all of them.

    Args:
        source: a folder, or a recording in one.
        transcribe: a model, if there is one.

    Raises:
        ValueError: if there are recordings to be transcribed, and no model.
    """
    if not source.exists():
        raise ValueError(f"{legible(source)}: there is no such folder or recording")
    folder, recording = (source, None) if source.is_dir() else (source.parent, source)
    desk = Desk(folder, recording)
    if desk.clips():
        return desk
    inside = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    for path in [recording] if recording else [] if any(own.tables(folder)) else inside:
        if transcribe is None:
            raise ValueError(f"{legible(path)} has no text yet: name a model (--model) to write it")
        desk.add_segments(path, rows_of(transcribe(path), path.stem))
    return desk


def formats(clips: Sequence[TableClip]) -> list[str]:
    """Return the names in `FORMATS`, if there is a segment to be exported."""
    if not any(clip.end is not None for clip in clips):
        return []
    from voicegraft.inference.formats import FORMATS

    return list(FORMATS)


def corrected(clips: Sequence[TableClip]) -> "Transcript":
    """Return the transcript of the segments of one recording, without those that are rejected.

    Where nobody has listened yet, it is what the model wrote.
    """
    from voicegraft.inference.transcriber import Transcript

    kept = [clip for clip in clips if not clip.reject and (clip.text or clip.written)]
    segments = [_segment(clip) for clip in sorted(kept, key=lambda clip: clip.start)]
    text = " ".join(segment.text for segment in segments)
    return Transcript(segments, text, max((s.end_seconds for s in segments), default=0.0), "")


def export(clips: Sequence[TableClip], form: str) -> Path:
    """Write the corrected transcript of a recording beside it, as talk.corrected.srt of talk.ogg.

    Args:
        clips: its segments.
        form: a name in `FORMATS`.

    Raises:
        ValueError: if there is no such format.
    """
    from voicegraft.inference.formats import FORMATS

    if form not in FORMATS:
        raise ValueError(f"form is one of {', '.join(FORMATS)}, not {form!r}")
    path = clips[0].path
    target = path.with_name(f"{path.stem}.corrected{FORMATS[form].suffix}")
    with whole(target) as partial:
        content = FORMATS[form].content(corrected(clips), path, target.parent)
        partial.write_text(content, encoding="utf-8", newline="\n")
    return target


def _certainty(segment: "Segment") -> str:
    sure = [word.confidence for word in segment.words if word.confidence is not None]
    return f"{sum(sure) / len(sure):.4f}" if sure else ""


def _segment(clip: TableClip) -> "Segment":
    from voicegraft.inference.transcriber import Segment, Word

    text, end = clip.text or clip.written, clip.end or clip.start
    spans = _spans(text.split(), clip.written.split(), _times(clip), (clip.start, end))
    words = [Word(*span, word, None) for word, span in zip(text.split(), spans, strict=True)]
    return Segment(clip.start, end, text, words)


def _times(clip: TableClip) -> list[Span]:
    """Return the times of the words that the model wrote; none if they are not as written here."""
    try:
        found = [tuple(map(float, times.split("-"))) for times in clip.word_times.split()]
        return [(start, end) for start, end in found]
    except ValueError:
        return []


def _spans(
    words: Sequence[str], written: Sequence[str], times: Sequence[Span], whole_span: Span
) -> Iterator[Span]:
    """Yield the times of corrected words: one that was right keeps its own, others share a gap."""
    if len(times) != len(written):
        yield from _shared(words, *whole_span)
        return
    for block in Levenshtein.opcodes(written, words):
        own = words[block.dest_start : block.dest_end]
        if block.tag == "equal":
            yield from times[block.src_start : block.src_end]
        elif own:
            before, behind = times[: block.src_start], times[block.src_end :]
            start = before[-1][1] if before else whole_span[0]
            yield from _shared(own, start, behind[0][0] if behind else whole_span[1])


def _shared(words: Sequence[str], start: float, end: float) -> Iterator[Span]:
    """Yield a part of a time for each word, by its letters."""
    step = (end - start) / max(1, sum(map(len, words)))
    for word in words:
        yield start, start + step * len(word)
        start += step * len(word)
