"""Whether a probability can be believed: of clips given 0.8, are eight in ten right?

The expected calibration error of Guo et al. 2017 (https://arxiv.org/abs/1706.04599): how far
confidence and accuracy lie apart in bins of confidence, weighted by their clips. It is above 0 for
a perfectly calibrated model too, the more so the fewer clips there are, so that level stands beside
it.
"""

from collections.abc import Sequence

import numpy as np

BINS = 10
CHANCE_DRAWS = 200
CLIPS, CONFIDENCE, CORRECT = range(3)


def bin_sums(confidence: Sequence[float], correct: Sequence[float]) -> np.ndarray:
    """Return clips, confidence and correct ones of each clip in its bin, (clips, 3, bins)."""
    confidence = np.asarray(confidence, float)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    within = place[:, None] == np.arange(BINS)
    values = np.stack([np.ones(len(confidence)), confidence, np.asarray(correct, float)], axis=1)
    return values[:, :, None] * within[:, None, :]


def calibration_error(sums: np.ndarray) -> np.ndarray:
    """Return the expected calibration error, shape (…), of sums over clips, (…, 3, bins)."""
    apart = np.abs(sums[..., CORRECT, :] - sums[..., CONFIDENCE, :]).sum(-1)
    return apart / np.maximum(sums[..., CLIPS, :].sum(-1), 1)


def error_by_chance(confidence: Sequence[float], seed: int) -> float:
    """Return the mean error of a model that is right exactly as often as it believes."""
    rng, confidence = np.random.default_rng(seed), np.asarray(confidence, float)
    drawn = (rng.random(len(confidence)) < confidence for _ in range(CHANCE_DRAWS))
    errors = [calibration_error(bin_sums(confidence, correct).sum(0)) for correct in drawn]
    return float(np.mean(errors))
