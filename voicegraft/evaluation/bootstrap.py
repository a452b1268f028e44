"""Draws of the expanded percentile bootstrap over blocks, for error rates and other sums.

Clips of one speaker or one recording err together, so resampling single clips makes an interval
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

    Blocks are drawn with replacement, as many as there are. The draws depend on the blocks and the
    seed alone, so the rates of two models on the same clips come in pairs: subtract them to
    compare the models.
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

    For what is no ratio of two sums. Blocks whose counts are alike are drawn as one, as often as
    all of them together: the same chances in a fraction of the time where blocks are single clips.
    Two models on the same clips therefore do not come in pairs, unless their columns are handed in
    together.
    """
    found = []
    for number, way in enumerate(blocks.ways):
        alike, times = np.unique(_members(way) @ counts, axis=0, return_counts=True)
        found.append(_drawn(alike, times, resamples, [seed, number]))
    return np.stack(found)


def _members(way: Sequence[str]) -> csr_array:
    """Return which clips each block has, (blocks, clips)."""
    names, block = np.unique(np.asarray(way), return_inverse=True)
    shape = (len(names), len(block))
    return csr_array((np.ones(len(block)), (block, np.arange(len(block)))), shape=shape)


def _drawn(
    sums: np.ndarray, times: np.ndarray | None, resamples: int, seed: Sequence[int]
) -> np.ndarray:
    """Return the sums of each resample, (resamples, columns), of blocks (kinds, columns)."""
    times = np.ones(len(sums)) if times is None else times
    return np.concatenate([drawn @ sums for drawn in _draws(times, resamples, seed)])


def _draws(times: np.ndarray, resamples: int, seed: Sequence[int]) -> Iterator[np.ndarray]:
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
