"""Precision, recall, F1 and accuracy from counts, with intervals, and the paired difference in F1.

Counts are of hits, clips and predictions, (…, 3, classes). They add up over blocks, so a resample
is a sum. F1 is 2 hits / (clips + predictions); a quotient with denominator 0 is 0, as in
scikit-learn.
"""

from collections.abc import Sequence

import numpy as np

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.interval import interval, rate_interval, resampled_sums, spread
from voicegraft.evaluation.paired import POWER_AND_CONFIDENCE, Difference
from voicegraft.evaluation.summary import DECIMALS, Evaluate

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


def counts_of(scores: Sequence[ClassScore]) -> np.ndarray:
    """Return the counts of each clip over all classes, (clips, 3, classes)."""
    actual, predicted = [s.label for s in scores], [s.predicted for s in scores]
    return class_counts(actual, predicted, classes_of(scores))


def classes_of(scores: Sequence[ClassScore]) -> list[str]:
    """Return the classes with clips, sorted by name."""
    return sorted({s.label for s in scores})


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


def resampled(counts: np.ndarray, blocks: Blocks, params: Evaluate) -> np.ndarray:
    """Return the sums of `counts`, (clips, …), in each resample, (ways, resamples, …)."""
    flat = counts.reshape(len(counts), -1)
    drawn = resampled_sums(flat, blocks, params.resamples, params.seed)
    return drawn.reshape(*drawn.shape[:2], *counts.shape[1:])


def rated(
    name: str, value: float, resampled: np.ndarray, blocks: Blocks, params: Evaluate
) -> dict[str, float]:
    """Return a rate and its interval, rounded, under `name`, `name`_low and `name`_high.

    Args:
        name: of the rate.
        value: over all clips.
        resampled: the rate in each resample, (ways, resamples).
        blocks: of the clips behind the rate.
        params: for the confidence.
    """
    low, high = rate_interval(value, resampled, blocks, params.confidence, most=1)
    return {name: rounded(value), f"{name}_low": rounded(low), f"{name}_high": rounded(high)}


def rounded(value: float) -> float:
    """Return the value rounded as in files."""
    return round(float(value), DECIMALS)


class Gain(Difference):
    """The change of a measure of which higher is better."""

    @property
    def verdict(self) -> str:
        """Return better, worse or indistinguishable."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "indistinguishable"


def f1_difference(
    old: Sequence[ClassScore], new: Sequence[ClassScore], params: Evaluate
) -> Difference:
    """Compare the macro-F1 of two models on the same clips in the same order.

    `voicegraft.evaluation.paired` does the same for error rates, which are ratios of two sums over
    clips; macro-F1 is none, and higher is better.

    Args:
        old: of each clip, by the first model.
        new: of the same clips, by the second model.
        params: resamples, confidence and seed of the bootstrap.
    """
    blocks = choose_blocks(new)
    # Both together, so that both have the same draws.
    counts = np.stack([counts_of(side) for side in (old, new)], axis=1)
    drawn = np.diff(macro_f1(resampled(counts, blocks, params)))[..., 0]
    before, after = macro_f1(counts.sum(0))
    changes = spread(after - before, drawn, blocks)
    low, high = interval(after - before, drawn, blocks, params.confidence)
    return Gain(
        old=float(before),
        new=float(after),
        low=low,
        high=high,
        probability_better=float(np.mean(changes > 0) + np.mean(changes == 0) / 2),
        detectable=POWER_AND_CONFIDENCE * float(np.std(changes)),
        clips=len(new),
        blocks=blocks.count,
        unit=blocks.unit,
        rough=blocks.rough,
    )
