"""The interval of a rate between 0 and 1, by the bootstrap over blocks."""

import numpy as np

from voicegraft.evaluation.blocks import Blocks
from voicegraft.evaluation.bootstrap import resampled_sums
from voicegraft.evaluation.interval import rate_interval
from voicegraft.evaluation.summary import DECIMALS, Evaluate


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
