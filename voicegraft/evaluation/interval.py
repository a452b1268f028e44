"""Confidence intervals from the expanded percentile bootstrap over blocks.

Errors of one speaker or one recording are correlated, so resampling single clips makes an interval
too narrow. Whole blocks are resampled instead (Bisani and Ney 2004 for the bootstrap of error
rates, doi:10.1109/ICASSP.2004.1326009; Liu and Peng 2020 for blocks, arXiv:1912.09508).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import beta, norm, t

from voicegraft.evaluation.blocks import CROSSED, FEWEST_BLOCKS, Blocks

RESAMPLES_AT_ONCE = 100  # 100,000 blocks stay below 100 MB


def resampled_rates(
    edits: Sequence[float],
    reference: Sequence[float],
    blocks: Blocks,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Return Σedits / Σreference of each resample, by each way of `blocks`, (ways, resamples).

    As many blocks as there are are drawn with replacement. The draws depend only on the blocks and
    the seed, so the rates of two models on the same clips are paired: subtract them to compare the
    models.
    """
    counts = np.column_stack([edits, reference])
    sums = np.stack(
        [
            _drawn(_members(way) @ counts, None, resamples, [seed, number])
            for number, way in enumerate(blocks.ways)
        ]
    )
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def resampled_sums(counts: np.ndarray, blocks: Blocks, resamples: int, seed: int) -> np.ndarray:
    """Return the sums of `counts`, (clips, columns), of each resample, (ways, resamples, columns).

    For measures that are no ratio of two sums. Blocks with equal counts are drawn as one, with
    their joint probability: the distribution is the same, and it takes a fraction of the time if
    blocks are single clips. So two models on the same clips are paired only if their columns are
    passed together.
    """
    found = []
    for number, way in enumerate(blocks.ways):
        alike, times = np.unique(_members(way) @ counts, axis=0, return_counts=True)
        found.append(_drawn(alike, times, resamples, [seed, number]))
    return np.stack(found)


def _members(way: Sequence[str]) -> csr_array:
    """Return the membership of clips in blocks, (blocks, clips)."""
    names, block = np.unique(np.asarray(way), return_inverse=True)
    shape = (len(names), len(block))
    return csr_array((np.ones(len(block)), (block, np.arange(len(block)))), shape=shape)


def _drawn(
    sums: np.ndarray, times: np.ndarray | None, resamples: int, seed: Sequence[int]
) -> np.ndarray:
    """Return the sums in resamples, (resamples, columns), given sums by block (kinds, columns)."""
    times = np.ones(len(sums)) if times is None else times
    return np.concatenate([drawn @ sums for drawn in _draws(times, resamples, seed)])


def _draws(times: np.ndarray, resamples: int, seed: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the counts of each kind of block, shape (at most RESAMPLES_AT_ONCE, kinds).

    Args:
        times: number of blocks of each kind; their total is drawn.
        resamples: number of rows in all.
        seed: of the draws.
    """
    rng, blocks = np.random.default_rng(seed), int(times.sum())
    for first in range(0, resamples, RESAMPLES_AT_ONCE):
        size = min(RESAMPLES_AT_ONCE, resamples - first)
        yield rng.multinomial(blocks, times / blocks, size=size)


def spread(value: float, drawn: np.ndarray, blocks: Blocks) -> np.ndarray:
    """Return one value for each resample, (resamples,).

    For crossed units, the deviations by speaker and by session are added, and scaled to the
    variance A + B - AB (Cameron, Gelbach and Miller 2011, doi:10.1198/jbes.2010.07136), where AB is
    the variance of cells. The variance is at least the larger of A and B, as the difference may be
    too small by chance. Each variance of K blocks is corrected by K / (K - 1).

    Args:
        value: over all clips.
        drawn: the value in each resample, (ways, resamples); NaN if a resample has none.
        blocks: the resampled blocks.
    """
    if blocks.unit != CROSSED:
        return drawn[0]
    counts = np.array([len(set(way)) for way in blocks.ways])
    apart = (drawn - value) * np.sqrt(counts / np.maximum(counts - 1, 1))[:, None]
    a, b, both = np.nanvar(apart, axis=1)
    if a + b == 0:
        return np.full(drawn.shape[1], value)
    return value + math.sqrt(max(a + b - both, a, b) / (a + b)) * (apart[0] + apart[1])


def interval(
    value: float, drawn: np.ndarray, blocks: Blocks, confidence: float
) -> tuple[float, float]:
    """Return the interval of `value`, given its values in resamples, (ways, resamples).

    Fewer than `FEWEST_BLOCKS` blocks have few distinct resamples: they end at the best and the
    worst block, and with two blocks cover the truth in half of all cases. The interval is then
    widened to Student's interval by the deviation of the resamples, and to that of the finest way.
    With two blocks Student's interval would cover every value, so the interval is valid for these
    two only, and is rough.
    """
    resamples = spread(value, drawn, blocks)
    low, high = percentile_interval(resamples, confidence, blocks.effective)
    count = len(blocks.leading)
    if 2 < count < FEWEST_BLOCKS:
        factor = t.ppf((1 + confidence) / 2, count - 1) * math.sqrt(count / (count - 1))
        half = factor * np.nanstd(resamples)
        low, high = min(low, value - half), max(high, value + half)
    if blocks.rough and len(drawn) > 1:
        finest = percentile_interval(drawn[-1], confidence, len(set(blocks.ways[-1])))
        low, high = min(low, finest[0]), max(high, finest[1])
    return float(low), float(high)


def rate_interval(
    value: float, drawn: np.ndarray, blocks: Blocks, confidence: float, most: float = math.inf
) -> tuple[float, float]:
    """Return the interval of a rate from 0 to `most`, also if all resamples are equal.

    If no block has an error, the bootstrap interval would have zero width. Then the interval is
    that of Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404) with the effective number of
    blocks as trials; its end is near 3.7 / K for K blocks, as the rule of three (Hanley and
    Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031) has 3 / K on one side. It counts a
    block with errors as completely wrong, because the rate in such a block is unknown.

    Args:
        value: over all clips.
        drawn: the value in each resample, (ways, resamples).
        blocks: the resampled blocks.
        confidence: the coverage of the interval.
        most: 1 for shares; error rates have no bound.
    """
    if np.isnan(drawn).all() or np.nanmax(drawn) == np.nanmin(drawn):
        low, high = _exact(min(value, 1.0), blocks.effective, confidence)
        return min(low, value), max(high, value)
    low, high = interval(value, drawn, blocks, confidence)
    return max(low, 0.0), min(high, most)


def percentile_interval(
    rates: np.ndarray, confidence: float, blocks: float, method: str = "linear"
) -> tuple[float, float]:
    """Return the expanded percentile interval of `rates`.

    The plain percentiles of a bootstrap are too narrow for few blocks, like a normal interval
    without Student's t. They are expanded by the same factor as that interval (Hesterberg 2015,
    https://doi.org/10.1080/00031305.2015.1089789, section 5.3): at 13 blocks, 95 % becomes the
    middle 97.7 % of the resamples.

    Args:
        rates: in each resample, or differences of paired ones; NaN if there is none.
        confidence: the coverage of the interval.
        blocks: the number of blocks, or their effective number.
        method: of numpy's percentiles; "nearest" if some rates are infinite.
    """
    tail = (1 - confidence) / 2
    if blocks > 1:
        tail = norm.cdf(t.ppf(tail, blocks - 1) * math.sqrt(blocks / (blocks - 1)))
    low, high = np.nanpercentile(rates, [100 * tail, 100 * (1 - tail)], method=method)
    return float(low), float(high)


def _exact(value: float, trials: float, confidence: float) -> tuple[float, float]:
    tail, hits = (1 - confidence) / 2, value * trials
    misses = trials - hits
    low = beta.ppf(tail, hits, misses + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, misses) if misses > 0 else 1.0
    return float(low), float(high)
