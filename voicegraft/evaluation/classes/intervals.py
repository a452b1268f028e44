"""The interval of a rate between 0 and 1, by the bootstrap over blocks, and where that is blind."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

from voicegraft.evaluation.bootstrap import percentile_interval, resampled_sums
from voicegraft.evaluation.summary import DECIMALS, Evaluate


def resampled(counts: np.ndarray, blocks: Sequence[str], params: Evaluate) -> np.ndarray:
    """Return the counts of clips, (clips, …), summed over each resample, (resamples, …)."""
    flat = counts.reshape(len(counts), -1)
    drawn = resampled_sums(flat, blocks, params.resamples, params.seed)
    return drawn.reshape(-1, *counts.shape[1:])


def rated(
    name: str, value: float, resampled: np.ndarray, blocks: Sequence[str], params: Evaluate
) -> dict[str, float]:
    """Return a rate and its interval, rounded, under `name`, `name`_low and `name`_high.

    Where every clip is right, or all lie in one block, the resamples are alike, and the bootstrap
    would say that this is sure. Then the interval is that of Clopper and Pearson over the clips
    (1934, https://doi.org/10.1093/biomet/26.4.404), as if each stood for itself: the least it can
    be.

    Args:
        name: of the rate.
        value: of all clips.
        resampled: the same of each resample, (resamples,).
        blocks: of each clip.
        params: the confidence.
    """
    if np.ptp(resampled) == 0:
        exact = binomtest(round(value * len(blocks)), len(blocks))
        low, high = exact.proportion_ci(params.confidence, method="exact")
    else:
        low, high = percentile_interval(resampled, params.confidence, len(set(blocks)))
    return {name: rounded(value), f"{name}_low": rounded(low), f"{name}_high": rounded(high)}


def rounded(value: float) -> float:
    """Return the value as files hold it."""
    return round(float(value), DECIMALS)
