"""Resamples of the expanded percentile bootstrap over blocks, for error rates and other sums.

Errors of one speaker or one recording are correlated, so resampling single clips makes an interval
too narrow. Whole blocks are resampled instead (Bisani and Ney 2004 for the bootstrap of error
rates, doi:10.1109/ICASSP.2004.1326009; Liu and Peng 2020 for blocks, arXiv:1912.09508).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array

from voicegraft.evaluation.blocks import Blocks

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
