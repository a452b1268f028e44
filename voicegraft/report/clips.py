"""Clips of the report: the worst, the median and the best of each model and split, with sound.

Reference and hypothesis are aligned, for display one above the other. Sound is MP3, the only format
of libsndfile that is small and plays in all browsers: Safari learnt Ogg late
(https://caniuse.com/opus, https://caniuse.com/ogg-vorbis), and FLAC takes five times the space.
"""

import base64
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import soundfile

from voicegraft.evaluation.blocks import Clip
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.errors import alignment, count_errors
from voicegraft.evaluation.report import worst
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.summary import by_split
from voicegraft.report.findings import Findings
from voicegraft.speech.manifest import SAMPLE_RATE

Scored = TypeVar("Scored", bound=Clip)


def ranked(
    worst: Sequence[Scored], best: Sequence[Scored], count: int
) -> Iterator[tuple[str, Scored]]:
    """Yield (rank, score) of `count` each from the worst to the best, no clip twice.

    Args:
        worst: all clips, the worst first.
        best: the same clips, the best first; ties may have another order than in `worst`.
        count: clips of each rank.
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
    """A clip with the class that a model predicted."""

    model: str
    rank: str  # worst, median or best of its split
    score: ClassScore

    @property
    def given(self) -> float:
        """The probability of the clip's actual class, 0 to 1."""
        return math.exp(-self.score.loss)


def shown_class_clips(findings: Findings, models: Iterable[str], count: int) -> list[ClassClip]:
    """Return `count` clips of each rank for each model and split."""
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
    """A clip with the hypothesis of a model."""

    model: str
    rank: str  # worst, median or best of its split
    score: Score
    reference: str
    hypothesis: str

    @property
    def stale(self) -> bool:
        """Whether the texts differ from those that were scored."""
        counted = count_errors(self.reference, self.hypothesis)
        return counted.character_edits != self.score.character_edits


def shown_clips(findings: Findings, models: Iterable[str], count: int) -> list[Clip]:
    """Return `count` clips of each rank for each model and split, if the texts are available."""
    return [
        Clip(model, rank, score, *texts[score.id])
        for model in models
        if (texts := findings.texts(model))
        for rank, score in _ranked_by_split(findings.scores(model), texts, count)
    ]


def ranked_by_cer(scores: Sequence[Score], count: int) -> Iterator[tuple[str, Score]]:
    """Yield (rank, score) from the worst to the best, no clip twice.

    Among clips of equal rate the longer ones come first.
    """
    best = sorted(scores, key=lambda s: (s.cer, -s.characters, s.id))
    yield from ranked(worst(scores, count), best, count)


def recordings(findings: Findings, clips: Iterable[Clip | ClassClip]) -> dict[str, str]:
    """Return the sound of each clip, as MP3 in base64; empty without the corpus."""
    if findings.corpus is None:
        return {}
    names = findings.names
    utterances = {names.of("clip", u.id): u for u in findings.corpus.utterances}
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


@dataclass(frozen=True)
class Piece:
    """Characters of the reference, aligned with characters of the hypothesis."""

    kind: str  # equal, substitute, insert or delete
    reference: str
    hypothesis: str


def aligned(reference: str, hypothesis: str) -> Iterator[Piece]:
    """Yield every edit as a piece of one character, and the text between edits as words and spaces.

    The alignment is the same as for error rates.
    """
    for kind, actual, predicted in alignment(reference, hypothesis, nothing=""):
        if kind == "equal":
            for part in re.findall(r"\s|\S+", "".join(actual)):
                yield Piece(kind, part, part)
        else:
            yield from (Piece(kind, *side) for side in zip(actual, predicted, strict=True))


def by_word(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield groups of pieces without line breaks inside: up to a space in both texts."""
    word: list[Piece] = []
    for piece in pieces:
        word.append(piece)
        if piece.kind == "equal" and piece.reference.isspace():
            yield word
            word = []
    if word:
        yield word


def visible(character: str) -> str:
    """Return a visible form of an edited character, also of a space or a combining mark."""
    if character.isspace():
        return "␣"
    return f"◌{character}" if character and unicodedata.combining(character[0]) else character
