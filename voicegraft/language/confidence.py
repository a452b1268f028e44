"""Times and confidences of words.

A word's posterior is the share of the clip's texts, weighted by their probability, that have it
there. Texts that no search found have none, so posteriors are too high, and are calibrated on dev
by a logistic regression on their log-odds (Platt 1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from scipy.special import expit, logit, softmax

from voicegraft.language.rescoring import Candidates
from voicegraft.model import ctc

LEAST = 1e-4
FEWEST_OF_A_KIND = 10


@dataclass(frozen=True)
class Calibration:
    """The confidence of a word is the logistic function of `slope` · log-odds + `offset`."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, posteriors: np.ndarray) -> np.ndarray:
        """Return confidences for posteriors, both (words,)."""
        return expit(self.slope * logit(np.clip(posteriors, LEAST, 1 - LEAST)) + self.offset)


def calibrated(posteriors: np.ndarray, correct: np.ndarray) -> Calibration:
    """Return the calibration by words of dev, both (words,); none if nearly all are of a kind."""
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    if min(correct.sum(), (~correct).sum()) < FEWEST_OF_A_KIND:
        return Calibration()
    odds = logit(np.clip(posteriors, LEAST, 1 - LEAST))[:, None]
    fitted = LogisticRegression(C=1e6).fit(odds, correct)
    return Calibration(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def posteriors_of(found: Candidates, weights: Sequence[float]) -> np.ndarray:
    """Return for each word of the best text the share of all texts that have it there, (words,)."""
    words = found.text(weights).split()
    shares = np.zeros(len(words))
    for text, share in zip(found.texts, softmax(found.scores(weights)), strict=True):
        shares[_in_place(words, text.split())] += share
    return np.minimum(shares, 1.0)


def confidences(
    found: Candidates, weights: Sequence[float], calibration: Calibration
) -> np.ndarray:
    """Return the calibrated confidence in each word of the best text, (words,)."""
    return calibration(posteriors_of(found, weights))


def correct(text: str, reference: str) -> np.ndarray:
    """Return which words of `text` are in `reference` at their place, (words,) of bool."""
    return _in_place(text.split(), reference.split())


def _in_place(words: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Return which of `words` are kept by the fewest edits that lead to `others`."""
    kept = np.zeros(len(words), bool)
    for block in Levenshtein.opcodes(words, others):
        if block.tag == "equal":
            kept[block.src_start : block.src_end] = True
    return kept


def word_spans(
    text: str, emission: torch.Tensor, labels: Sequence[str]
) -> list[tuple[float, float]]:
    """Return where each word begins and ends, as shares of the clip (0 to 1).

    The letters are aligned with emissions (frames, labels) along the likeliest path. A word whose
    letters have no label takes no time; if the frames are too few, all words take the whole clip.
    """
    symbols = ctc.target(text, labels)
    if not 0 < ctc.frames_needed(symbols) <= len(emission):
        return [(0.0, 1.0)] * len(text.split())
    frames = ctc.align(emission, symbols)
    spans, place = [], 0
    spelled = {label for label in labels if label}
    space = " " in spelled
    for word in text.split():
        length = sum(symbol in spelled for symbol in word)
        own = np.flatnonzero((frames >= place) & (frames < place + length))
        first, last = (own[0], own[-1] + 1) if len(own) else (0, 0)
        spans.append((first / len(emission), last / len(emission)))
        place += length + space
    return spans
