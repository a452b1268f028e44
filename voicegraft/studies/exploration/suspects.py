"""Clips with a doubtful label or text, the most doubtful first.

Two signs of a wrong text are computed from pooled states, and grow with the doubt. *Letters*: ridge
regression, fitted on other sessions, predicts the letters of a clip from its mean state. If the
averages of all clips predict a text better, the text is doubtful. This detects swapped texts, but
not truncated ones. *Pace*: the number of characters against clips of the same length. This detects
truncated texts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import HuberRegressor

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.exploration.labels import Judged
from voicegraft.studies.exploration.units import ONE_THREAD
from voicegraft.studies.probe import errors, letter_shares


@ONE_THREAD
def letters_against(states: np.ndarray, clips: Sequence[Utterance]) -> np.ndarray:
    """Return how much worse each clip's states predict its letters than averages do, (clips,).

    All letters have equal weight. A clip is weighted by its length, as shares of long texts vary
    less.

    Args:
        states: the mean of each clip's states, (clips, size).
        clips: whose text is not empty.
    """
    shares = letter_shares([clip.text for clip in clips])
    predicted, average = errors(states, shares / shares.std(0), choose_blocks(clips).folded)
    return (predicted - average) * [len(clip.text) for clip in clips]


def pace_against(clips: Sequence[Utterance]) -> np.ndarray:
    """Return the deviation of each clip's number of characters from the one predicted by length.

    It has the shape (clips,) and is the absolute difference of natural logarithms: 0.7 is twice or
    half as many. Silence at the ends makes short clips slower, so a line is fitted to both
    logarithms, with Huber's loss, which is robust to errors.
    """
    seconds = np.log([[clip.seconds] for clip in clips])
    characters = np.log([len(clip.text) for clip in clips])
    return np.abs(characters - HuberRegressor().fit(seconds, characters).predict(seconds))


def in_deviations(doubt: np.ndarray) -> np.ndarray:
    """Return robust deviations above the median, which make signs of any unit comparable."""
    centred = doubt - np.median(doubt)
    return centred / max(1.4826 * np.median(np.abs(centred)), 1e-12)


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
        letters, pace: from `letters_against` and `pace_against`.
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
