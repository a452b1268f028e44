"""Precision, recall, F1 and accuracy from counts.

Counts are of hits, clips and predictions, (…, 3, classes). They add up over blocks, so a resample
is a sum. F1 is 2 hits / (clips + predictions); a quotient with denominator 0 is 0, as in
scikit-learn.
"""

from collections.abc import Sequence

import numpy as np

HITS, CLIPS, PREDICTED = range(3)


def class_counts(
    actual: Sequence[str], predicted: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """Return the counts of each clip, (clips, 3, classes).

    A prediction outside `classes` is not counted.
    """
    names = np.asarray(classes)
    is_actual, is_predicted = (np.asarray(side)[:, None] == names for side in (actual, predicted))
    return np.stack([is_actual & is_predicted, is_actual, is_predicted], axis=1).astype(float)


def recall(counts: np.ndarray) -> np.ndarray:
    """Return recall, the share of each class's clips that are predicted rightly, (…, classes)."""
    return _ratio(counts[..., HITS, :], counts[..., CLIPS, :])


def precision(counts: np.ndarray) -> np.ndarray:
    """Return precision, the share of each class's predictions that are right, (…, classes)."""
    return _ratio(counts[..., HITS, :], counts[..., PREDICTED, :])


def f1(counts: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of precision and recall, (…, classes)."""
    return _ratio(2 * counts[..., HITS, :], counts[..., CLIPS, :] + counts[..., PREDICTED, :])


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean F1, shape (…), of the classes with clips.

    A resample may lack the clips of a class in few blocks, which says nothing about the model.
    """
    there = counts[..., CLIPS, :] > 0
    return _ratio((f1(counts) * there).sum(-1), there.sum(-1))


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the share of all clips with the right prediction, shape (…)."""
    return _ratio(counts[..., HITS, :].sum(-1), counts[..., CLIPS, :].sum(-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)
