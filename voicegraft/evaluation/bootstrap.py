"""How sure an error rate is: the expanded percentile bootstrap over blocks.

Clips of one speaker or one recording err together, so resampling single clips makes an interval
too narrow. Whole blocks are resampled instead (Bisani and Ney 2004 for the bootstrap of error
rates, doi:10.1109/ICASSP.2004.1326009; Liu and Peng 2020 for blocks, arXiv:1912.09508).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import norm, t

RESAMPLES_AT_ONCE = 100  # 100,000 blocks stay below 100 MB


def resampled_rates(
    edits: Sequence[int],
    reference: Sequence[int],
    blocks: Sequence[str],
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Return Σedits / Σreference of each resample, shape (resamples,).

    Blocks are drawn with replacement, as many as there are. The draws depend on the blocks and the
    seed alone, so the rates of two models on the same clips come in pairs: subtract them to
    compare the models.
    """
    names, block = np.unique(np.asarray(blocks), return_inverse=True)
    sums = np.stack([np.bincount(block, weights=counts) for counts in (edits, reference)], axis=1)
    drawn_sums = np.concatenate(
        [drawn @ sums for drawn in _draws(np.ones(len(names)), resamples, seed)]
    )
    return drawn_sums[:, 0] / np.maximum(drawn_sums[:, 1], 1)


def resampled_sums(
    counts: np.ndarray, blocks: Sequence[str], resamples: int, seed: int
) -> np.ndarray:
    """Return the sums of `counts`, (clips, columns), of each resample, (resamples, columns).

    For what is no ratio of two sums. Blocks whose counts are alike are drawn as one, as often as
    all of them together: the same chances in a fraction of the time where blocks are single clips.
    Two models on the same clips therefore do not come in pairs, unless their columns are handed in
    together.
    """
    names, block = np.unique(np.asarray(blocks), return_inverse=True)
    clips = np.arange(len(block))
    members = csr_array((np.ones(len(block)), (block, clips)), shape=(len(names), len(block)))
    alike, times = np.unique(members @ counts, axis=0, return_counts=True)
    return np.concatenate([drawn @ alike for drawn in _draws(times, resamples, seed)])


def percentile_interval(rates: np.ndarray, confidence: float, blocks: int) -> tuple[float, float]:
    """Return two of `rates` that enclose what a whole population of blocks would have.

    The plain percentiles of a bootstrap are too narrow when blocks are few, as a normal interval
    without Student's t is. They are expanded by as much as that interval would be (Hesterberg 2015,
    https://doi.org/10.1080/00031305.2015.1089789, section 5.3): at 13 blocks, 95 % becomes the
    middle 97.7 % of the resamples.

    Args:
        rates: of each resample, or differences of paired ones.
        confidence: how often the interval should hold the truth.
        blocks: how many were resampled.
    """
    tail = (1 - confidence) / 2
    if blocks > 1:
        tail = norm.cdf(t.ppf(tail, blocks - 1) * math.sqrt(blocks / (blocks - 1)))
    low, high = np.percentile(rates, [100 * tail, 100 * (1 - tail)])
    return float(low), float(high)


def _draws(times: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each kind of block is drawn, shape (at most RESAMPLES_AT_ONCE, kinds).

    Args:
        times: how many blocks there are of each kind; as many are drawn as there are in all.
        resamples: how many rows there are in all.
        seed: of the draws.
    """
    rng, blocks = np.random.default_rng(seed), int(times.sum())
    for first in range(0, resamples, RESAMPLES_AT_ONCE):
        size = min(RESAMPLES_AT_ONCE, resamples - first)
        yield rng.multinomial(blocks, times / blocks, size=size)
