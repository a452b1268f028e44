"""Calibration: expected calibration error, log loss, and the reliability diagram.

The expected calibration error of Guo et al. 2017 (https://arxiv.org/abs/1706.04599): the mean
difference of confidence and accuracy in bins of confidence, weighted by clips. It is above 0 for a
perfectly calibrated model too, more so with few clips, so that level is given too.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.classes.f1 import rated, resampled, rounded
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.interval import interval, resampled_rates
from voicegraft.evaluation.summary import Evaluate, by_split

BINS = 10
CHANCE_DRAWS = 200
CLIPS, CONFIDENCE, CORRECT = range(3)


def bin_sums(confidence: Sequence[float], correct: Sequence[float]) -> np.ndarray:
    """Return for each clip its count, confidence and correctness in its bin, (clips, 3, bins)."""
    confidence = np.asarray(confidence, float)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    within = place[:, None] == np.arange(BINS)
    values = np.stack([np.ones(len(confidence)), confidence, np.asarray(correct, float)], axis=1)
    return values[:, :, None] * within[:, None, :]


def calibration_error(sums: np.ndarray) -> np.ndarray:
    """Return the expected calibration error, shape (…), given sums over clips, (…, 3, bins)."""
    apart = np.abs(sums[..., CORRECT, :] - sums[..., CONFIDENCE, :]).sum(-1)
    return apart / np.maximum(sums[..., CLIPS, :].sum(-1), 1)


def error_by_chance(confidence: Sequence[float], seed: int) -> float:
    """Return the mean calibration error of a perfectly calibrated model with these confidences."""
    rng, confidence = np.random.default_rng(seed), np.asarray(confidence, float)
    drawn = (rng.random(len(confidence)) < confidence for _ in range(CHANCE_DRAWS))
    errors = [calibration_error(bin_sums(confidence, correct).sum(0)) for correct in drawn]
    return float(np.mean(errors))


def beliefs(scores: Sequence[ClassScore], params: Evaluate) -> dict[str, float]:
    """Return the calibration error, and the log loss over clips of trained classes."""
    blocks, sums = choose_blocks(scores), _bin_sums(scores)
    error, drawn = (calibration_error(of) for of in (sums.sum(0), resampled(sums, blocks, params)))
    chance = error_by_chance([s.probability for s in scores], params.seed)
    return {
        **rated("calibration_error", float(error), drawn, blocks, params),
        "calibration_error_by_chance": rounded(chance),
        **log_loss([s for s in scores if s.trained], params),
    }


def log_loss(scores: Sequence[ClassScore], params: Evaluate) -> dict[str, float]:
    """Return the mean of -ln p of the label, with its interval; empty without clips."""
    if not scores:
        return {}
    blocks, losses = choose_blocks(scores), [s.loss for s in scores]
    drawn = resampled_rates(losses, [1] * len(losses), blocks, params.resamples, params.seed)
    mean = float(np.mean(losses))
    low, high = interval(mean, drawn, blocks, params.confidence)
    values = {"log_loss": mean, "log_loss_low": low, "log_loss_high": high}
    return {name: rounded(value) for name, value in values.items()}


def calibration_lines(scores: Sequence[ClassScore], params: Evaluate) -> Iterator[dict[str, Any]]:
    """Yield mean confidence, and accuracy with its interval, of each bin with clips."""
    for split, of_split in by_split(scores).items():
        for line in reliability(_bin_sums(of_split), choose_blocks(of_split), params, "clips"):
            yield {"split": split, **line}


def reliability(
    sums: np.ndarray, blocks: Blocks, params: Evaluate, counted: str
) -> Iterator[dict[str, Any]]:
    """Yield mean confidence, accuracy with its interval, and the count of each bin that has any.

    Args:
        sums: of `bin_sums` by clip, (clips, 3, bins).
        blocks: of the clips.
        params: for the interval.
        counted: the key of the count.
    """
    drawn = resampled(sums, blocks, params)
    for i in np.flatnonzero(sums[:, CLIPS].sum(0)):
        count, confidence, correct = sums[:, :, i].sum(0)
        of_bin, found = drawn[..., CLIPS, i], drawn[..., CORRECT, i]
        shares = np.where(of_bin > 0, found / np.maximum(of_bin, 1), np.nan)
        own = blocks.of(sums[:, CLIPS, i] > 0)
        yield {
            "confidence": rounded(confidence / count),
            **rated("accuracy", correct / count, shares, own, params),
            counted: int(count),
        }


def _bin_sums(scores: Sequence[ClassScore]) -> np.ndarray:
    return bin_sums([s.probability for s in scores], [s.correct for s in scores])
