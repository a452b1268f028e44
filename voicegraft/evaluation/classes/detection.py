"""Detection of the unknown class at every threshold, for one table or for all resamples at once.

A clip is accepted above a threshold. Thresholds decrease, so the accepted clips increase along
them; after the last threshold comes a place where all clips are accepted.
"""

from collections.abc import Sequence

import numpy as np

MOST_POINTS = 200
"""Points of a curve: a plot shows no more, and files stay small enough for git."""
EVERYTHING = -np.inf
UNKNOWN, KNOWN, RIGHT = range(3)


def threshold(unknown: Sequence[float], most: float) -> float:
    """Return the lowest threshold with at most the share `most` of unknown clips above it.

    Args:
        unknown: the confidence of each unknown clip, at least one.
        most: from 0 to below 1.
    """
    falling = np.sort(np.asarray(unknown, float))[::-1]
    may_pass = int(most * len(falling) + 1e-9)  # 0.29 of 100 is 29, not 28.99
    return float(falling[min(may_pass, len(falling) - 1)])


def thresholds(confidence: np.ndarray) -> np.ndarray:
    """Return some of the values in `confidence`, (clips,), decreasing, at even quantiles."""
    taken = np.unique(confidence)
    if len(taken) > MOST_POINTS:
        taken = np.unique(np.quantile(confidence, np.linspace(0, 1, MOST_POINTS), method="nearest"))
    return taken[::-1]


def accepted(
    confidence: np.ndarray, unknown: np.ndarray, right: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Return at which thresholds each clip is accepted, (clips, 3, places): unknown, known, right.

    Args:
        confidence: of each clip, (clips,), on any scale.
        unknown: whether it is of the unknown class, (clips,).
        right: whether its predicted class is its label, (clips,).
        thresholds: decreasing; one place for each, and a last place.
    """
    above = confidence[:, None] > np.append(thresholds, EVERYTHING)
    kinds = np.stack([unknown, ~unknown, right & ~unknown], axis=1)
    return (kinds[:, :, None] & above[:, None, :]).astype(float)


def false_accepts(counts: np.ndarray) -> np.ndarray:
    """Return the share of unknown clips that are accepted, (…, places)."""
    return _share(counts, UNKNOWN, UNKNOWN)


def false_rejects(counts: np.ndarray) -> np.ndarray:
    """Return the share of known clips that are rejected, (…, places)."""
    return 1 - _share(counts, KNOWN, KNOWN)


def found(counts: np.ndarray) -> np.ndarray:
    """Return the share of known clips that are accepted with the right class, (…, places)."""
    return _share(counts, RIGHT, KNOWN)


def equal_error_rate(counts: np.ndarray) -> np.ndarray:
    """Return the rate, shape (…), at which false accepts are as frequent as false rejects.

    Between two thresholds both are interpolated linearly, as in scikit-learn's ROC curve.
    """
    accepts, rejects = false_accepts(counts), false_rejects(counts)
    apart = accepts - rejects
    after = np.argmax(apart >= 0, axis=-1)
    before = np.maximum(after - 1, 0)
    (a0, a1), (d0, d1) = _at(accepts, before, after), _at(apart, before, after)
    # If the first threshold is already past the crossing, both are one point.
    share = np.divide(-d0, d1 - d0, out=np.zeros_like(d0), where=d1 > d0)
    return a0 + share * (a1 - a0)


def _at(values: np.ndarray, *places: np.ndarray) -> list[np.ndarray]:
    return [np.take_along_axis(values, p[..., None], axis=-1)[..., 0] for p in places]


def _share(counts: np.ndarray, part: int, whole: int) -> np.ndarray:
    return counts[..., part, :] / np.maximum(counts[..., whole, -1:], 1)
