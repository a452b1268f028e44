"""Clips with a doubtful label or text, the most doubtful first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.exploration.labels import Judged
from voicegraft.studies.exploration.texts import in_deviations

DECIMALS = 4


@dataclass(frozen=True)
class LabelSuspect:
    """A clip, the probability of its label, and the most probable label."""

    id: str
    split: str
    speaker: str
    label: str
    confidence: float
    suggested: str
    suggested_confidence: float
    likely_wrong: bool


@dataclass(frozen=True)
class TextSuspect:
    """A clip with the two signs of a wrong text, in robust deviations above the median."""

    id: str
    split: str
    speaker: str
    seconds: float
    characters: int
    letters: float
    pace: float


def label_suspects(clips: Sequence[Utterance], judged: Judged) -> Iterator[LabelSuspect]:
    """Yield the clips, those with the lowest confidence in their label first."""
    likely = judged.likely_wrong
    for i in np.argsort(judged.confidence, kind="stable"):
        clip, k = clips[i], judged.suggested[i]
        probable = (judged.confidence[i], judged.probabilities[i, k])
        own, other = (round(float(p), DECIMALS) for p in probable)
        names = clip.id, clip.split, clip.speaker, clip.label
        yield LabelSuspect(*names, own, str(judged.names[k]), other, bool(likely[i]))


def text_suspects(
    clips: Sequence[Utterance], letters: np.ndarray, pace: np.ndarray
) -> Iterator[TextSuspect]:
    """Yield the clips by the better of their two ranks, as the signs detect different errors.

    In a sum or maximum, the sign with more variance would dominate.

    Args:
        clips: whose text is not empty.
        letters, pace: signs of a wrong text, see voicegraft/studies/exploration/texts.py.
    """
    ranks = np.stack([np.argsort(np.argsort(-sign, kind="stable")) for sign in (letters, pace)])
    signs = in_deviations(letters), in_deviations(pace)
    for i in np.lexsort((ranks.max(0), ranks.min(0))):
        clip = clips[i]
        columns = clip.id, clip.split, clip.speaker, round(clip.seconds, 2), len(clip.text)
        yield TextSuspect(*columns, *(round(float(sign[i]), 2) for sign in signs))


@dataclass(frozen=True)
class Misfit:
    """A clip and its log-likelihood gap per character."""

    id: str
    split: str
    speaker: str
    seconds: float
    characters: int
    misfit: float
    above_side: float
    """In robust deviations above the median of its split, as the head was trained on one of the
    splits."""


def misfits(clips: Sequence[Utterance], misfit: np.ndarray) -> Iterator[Misfit]:
    """Yield the clips of all splits, the worst fit first.

    Args:
        clips: whose text is not empty.
        misfit: of each clip, from voicegraft/studies/exploration/alignment.py.
    """
    sides = np.array([clip.split for clip in clips])
    above = np.full(len(clips), np.inf)
    for side in set(sides):
        possible = (sides == side) & np.isfinite(misfit)
        above[possible] = in_deviations(misfit[possible]) if possible.any() else 0.0
    for i in np.argsort(-above, kind="stable"):
        clip, values = clips[i], (misfit[i], above[i])
        columns = clip.id, clip.split, clip.speaker, round(clip.seconds, 2), len(clip.text)
        yield Misfit(*columns, *(round(float(v), DECIMALS) for v in values))


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a line for each of `rows`, which have the same keys; an empty file without rows."""
    write_rows(path, list(rows[0]) if rows else [], [list(row.values()) for row in rows])
