"""Known clips against unknown ones at every threshold, of one table or of resamples at once.

A clip is accepted above a threshold. Thresholds fall, so what is accepted grows along them; in the
place behind the last one everything is.
"""

from collections.abc import Sequence

import numpy as np

MOST_POINTS = 200
"""Of a curve: a plot shows no more, and files stay small enough for git."""
EVERYTHING = -np.inf
UNKNOWN, KNOWN, RIGHT = range(3)


def threshold(unknown: Sequence[float], most: float) -> float:
    """Return the lowest above which at most the share `most` of unknown clips lie.

    Args:
        unknown: confidence in each of them, one at least.
        most: 0 to 1, 1 left out.
    """
    falling = np.sort(np.asarray(unknown, float))[::-1]
    may_pass = int(most * len(falling) + 1e-9)  # 0.29 of 100 is 29, not 28.99
    return float(falling[min(may_pass, len(falling) - 1)])


def thresholds(confidence: np.ndarray) -> np.ndarray:
    """Return some of the values in `confidence`, (clips,), falling and evenly spread over clips."""
    taken = np.unique(confidence)
    if len(taken) > MOST_POINTS:
        taken = np.unique(np.quantile(confidence, np.linspace(0, 1, MOST_POINTS), method="nearest"))
    return taken[::-1]


def accepted(
    confidence: np.ndarray, unknown: np.ndarray, right: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Return where each clip is accepted, (clips, 3, places): unknown, known, and right ones.

    Args:
        confidence: in each clip, (clips,), of any scale.
        unknown: whether it is of no class, (clips,).
        right: whether it is taken for its own class, (clips,).
        thresholds: falling; one place for each, and the last.
    """
    above = confidence[:, None] > np.append(thresholds, EVERYTHING)
    kinds = np.stack([unknown, ~unknown, right & ~unknown], axis=1)
    return (kinds[:, :, None] & above[:, None, :]).astype(float)


def false_accepts(counts: np.ndarray) -> np.ndarray:
    """Return the share of unknown clips that are accepted, (…, places)."""
    return _share(counts, UNKNOWN, UNKNOWN)


def false_rejects(counts: np.ndarray) -> np.ndarray:
    """Return the share of known clips that are not, (…, places)."""
    return 1 - _share(counts, KNOWN, KNOWN)


def found(counts: np.ndarray) -> np.ndarray:
    """Return the share of known clips that are accepted for what they are, (…, places)."""
    return _share(counts, RIGHT, KNOWN)


def equal_error_rate(counts: np.ndarray) -> np.ndarray:
    """Return the rate, shape (…), at which false accepts are as frequent as false rejects.

    Between two thresholds both go along straight lines, as those of scikit-learn's ROC curve.
    """
    accepts, rejects = false_accepts(counts), false_rejects(counts)
    apart = accepts - rejects
    after = np.argmax(apart >= 0, axis=-1)
    before = np.maximum(after - 1, 0)
    (a0, a1), (d0, d1) = _at(accepts, before, after), _at(apart, before, after)
    # Where the first threshold is past the crossing already, both are one point.
    share = np.divide(-d0, d1 - d0, out=np.zeros_like(d0), where=d1 > d0)
    return a0 + share * (a1 - a0)


def _at(values: np.ndarray, *places: np.ndarray) -> list[np.ndarray]:
    return [np.take_along_axis(values, p[..., None], axis=-1)[..., 0] for p in places]


def _share(counts: np.ndarray, part: int, whole: int) -> np.ndarray:
    return counts[..., part, :] / np.maximum(counts[..., whole, -1:], 1)
