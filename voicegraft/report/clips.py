"""Which of many clips are shown: the worst, what lies in the middle, and the best.

The clips that tell most of a classifier, by what it gives to the class that they are of.

The clips that tell most of a model: its best, its worst, and what lies in the middle.

A clip as bytes that every browser plays.

MP3 alone among what libsndfile writes is small and plays everywhere: Safari learnt Ogg late
(https://caniuse.com/opus, https://caniuse.com/ogg-vorbis), and FLAC takes five times the room.
"""

import base64
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import soundfile

from voicegraft.evaluation.blocks import Clip
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.errors import count_errors
from voicegraft.evaluation.report import worst
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.slices import by_split
from voicegraft.report.findings import Findings
from voicegraft.speech.manifest import SAMPLE_RATE

Scored = TypeVar("Scored", bound=Clip)


def ranked(
    worst: Sequence[Scored], best: Sequence[Scored], count: int
) -> Iterator[tuple[str, Scored]]:
    """Yield (rank, score) of `count` each from the worst to the best, no clip twice.

    Args:
        worst: of all clips, the worst first.
        best: of the same, the best first; not the other way round where equals have an order.
        count: of each rank.
    """
    middle = max(0, (len(best) - count) // 2)
    parts = {"worst": worst[:count], "median": best[middle:][:count], "best": best[:count]}
    seen: set[str] = set()
    for rank, part in parts.items():
        for score in part:
            if score.id not in seen:
                seen.add(score.id)
                yield rank, score


@dataclass(frozen=True)
class ClassClip:
    """What a model took a clip for."""

    model: str
    rank: str  # worst, median or best of its side
    score: ClassScore

    @property
    def given(self) -> float:
        """The probability of the class that the clip is of, 0 to 1."""
        return math.exp(-self.score.loss)


def shown_class_clips(findings: Findings, models: Iterable[str], count: int) -> list[ClassClip]:
    """Return `count` of each rank for each model and side."""
    return [
        ClassClip(model, rank, score)
        for model in models
        for of_split in by_split(findings.scores(model)).values()
        for rank, score in ranked(
            sorted(of_split, key=lambda s: (-s.loss, s.id)),
            sorted(of_split, key=lambda s: (s.loss, s.id)),
            count,
        )
    ]


@dataclass(frozen=True)
class Clip:
    """What a model made of a clip."""

    model: str
    rank: str  # worst, median or best of its side
    score: Score
    reference: str
    hypothesis: str

    @property
    def stale(self) -> bool:
        """Whether the texts are not those that were scored."""
        counted = count_errors(self.reference, self.hypothesis)
        return counted.character_edits != self.score.character_edits


def shown_clips(findings: Findings, models: Iterable[str], count: int) -> list[Clip]:
    """Return `count` of each rank for each model and side, where the texts are at hand."""
    return [
        Clip(model, rank, score, *texts[score.id])
        for model in models
        if (texts := findings.texts(model))
        for rank, score in _ranked_by_split(findings.scores(model), texts, count)
    ]


def ranked_by_cer(scores: Sequence[Score], count: int) -> Iterator[tuple[str, Score]]:
    """Yield (rank, score) from the worst to the best, no clip twice.

    Among the worst of equal rate the longer ones come first, for they cost more; among the best
    too, for they say more.
    """
    best = sorted(scores, key=lambda s: (s.cer, -s.characters, s.id))
    yield from ranked(worst(scores, count), best, count)


def recordings(findings: Findings, clips: Iterable[Clip | ClassClip]) -> dict[str, str]:
    """Return the sound of each clip once, as MP3 in base64; nothing without the corpus."""
    if findings.corpus is None:
        return {}
    utterances = {u.id: u for u in findings.corpus.utterances}
    wanted = sorted({clip.score.id for clip in clips} & utterances.keys())
    return {name: as_mp3(findings.corpus.samples(utterances[name])) for name in wanted}


def _ranked_by_split(
    scores: Sequence[Score], texts: Mapping[str, tuple[str, str]], count: int
) -> Iterator[tuple[str, Score]]:
    for of_split in by_split([s for s in scores if s.id in texts]).values():
        yield from ranked_by_cer(of_split, count)


MEDIA_TYPE = "audio/mpeg"


def as_mp3(samples: np.ndarray) -> str:
    """Return int16 `samples`, shape (samples,), as MP3 in base64: about 5 kB a second."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return base64.b64encode(file.getvalue()).decode("ascii")
