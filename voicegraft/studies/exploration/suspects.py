"""Clips whose label or text is doubtful, most doubtful first."""

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
    """A clip, how probable its label is, and what is more so."""

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
    """A clip, and both signs against its text, in robust deviations above the median."""

    id: str
    split: str
    speaker: str
    seconds: float
    characters: int
    letters: float
    pace: float


def label_suspects(clips: Sequence[Utterance], judged: Judged) -> Iterator[LabelSuspect]:
    """Yield the clips that were judged, those of the least confidence in their label first."""
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
    """Yield the clips by the better of their two ranks: the signs see different errors.

    Summed, or by the larger, the sign that varies more would drown the other.

    Args:
        clips: whose text is not empty.
        letters, pace: what speaks against each text, see voicegraft/studies/exploration/texts.py.
    """
    ranks = np.stack([np.argsort(np.argsort(-sign, kind="stable")) for sign in (letters, pace)])
    signs = in_deviations(letters), in_deviations(pace)
    for i in np.lexsort((ranks.max(0), ranks.min(0))):
        clip = clips[i]
        told = clip.id, clip.split, clip.speaker, round(clip.seconds, 2), len(clip.text)
        yield TextSuspect(*told, *(round(float(sign[i]), 2) for sign in signs))


@dataclass(frozen=True)
class Misfit:
    """A clip whose text fits worse than what a head hears, by so much for each character."""

    id: str
    split: str
    speaker: str
    seconds: float
    characters: int
    misfit: float
    above_side: float
    """In robust deviations above the median of its side: the head was trained on one of them."""


def misfits(clips: Sequence[Utterance], misfit: np.ndarray) -> Iterator[Misfit]:
    """Yield the clips, the worst fit of all sides first.

    Args:
        clips: whose text is not empty.
        misfit: of each, as voicegraft/studies/exploration/alignment.py tells it.
    """
    sides = np.array([clip.split for clip in clips])
    above = np.full(len(clips), np.inf)
    for side in set(sides):
        possible = (sides == side) & np.isfinite(misfit)
        above[possible] = in_deviations(misfit[possible]) if possible.any() else 0.0
    for i in np.argsort(-above, kind="stable"):
        clip, values = clips[i], (misfit[i], above[i])
        told = clip.id, clip.split, clip.speaker, round(clip.seconds, 2), len(clip.text)
        yield Misfit(*told, *(round(float(v), DECIMALS) for v in values))


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a line for each of `rows`, which have the same keys; without any, an empty file."""
    write_rows(path, list(rows[0]) if rows else [], [list(row.values()) for row in rows])
