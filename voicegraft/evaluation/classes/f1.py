"""Precision, recall and F1 from counts, and the paired difference in macro-F1.

Counts are of hits, of clips and of predictions, (…, 3, classes): sums over blocks are then counts
again, so a resample costs a sum. F1 is 2 hits / (clips + predictions); what is divided by nothing
is 0, as scikit-learn has it.
"""

from collections.abc import Sequence

import numpy as np

HITS, CLIPS, PREDICTED = range(3)


def class_counts(
    actual: Sequence[str], predicted: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """Return the counts of each clip by itself, (clips, 3, classes).

    A prediction that is none of `classes` is a hit of none, and counted for none.
    """
    names = np.asarray(classes)
    is_actual, is_predicted = (np.asarray(side)[:, None] == names for side in (actual, predicted))
    return np.stack([is_actual & is_predicted, is_actual, is_predicted], axis=1).astype(float)


def recall(counts: np.ndarray) -> np.ndarray:
    """Return the share of each class's clips that were found, (…, classes)."""
    return _ratio(counts[..., HITS, :], counts[..., CLIPS, :])


def precision(counts: np.ndarray) -> np.ndarray:
    """Return the share of each class's predictions that were right, (…, classes)."""
    return _ratio(counts[..., HITS, :], counts[..., PREDICTED, :])


def f1(counts: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of the two, (…, classes)."""
    return _ratio(2 * counts[..., HITS, :], counts[..., CLIPS, :] + counts[..., PREDICTED, :])


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean F1, shape (…), of the classes that have a clip there.

    A resample may have none of a class that lies in few blocks: that says nothing of the model.
    """
    there = counts[..., CLIPS, :] > 0
    return _ratio((f1(counts) * there).sum(-1), there.sum(-1))


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the share of all clips that were found, shape (…)."""
    return _ratio(counts[..., HITS, :].sum(-1), counts[..., CLIPS, :].sum(-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)
