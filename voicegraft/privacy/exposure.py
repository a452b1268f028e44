"""Exposure of canaries: how far above chance a model ranks a sentence that was put in its lesson.

Carlini et al. 2019, "The Secret Sharer", https://arxiv.org/abs/1802.08232: the log2 of how many
candidates there are, less the log2 of the canary's rank among them. Here the candidates are
sentences made like the canary that no lesson had, as in Wang et al. 2023,
https://arxiv.org/abs/2310.11739; so there are as many bits as the log2 of their number, at most.
"""

from collections.abc import Sequence

import numpy as np

from voicegraft.evaluation.summary import Evaluate
from voicegraft.privacy.measure import Measured, Resampling, Thing


def exposure(losses: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the exposure in bits of each canary, (canaries,), by its loss.

    A reference of the same loss is ranked before the canary.

    Args:
        losses: of canaries, (canaries,).
        references: losses of sentences made alike that were in no lesson, (references,).
    """
    ordered = np.sort(references)
    ranks = 1 + np.searchsorted(ordered, losses, side="right")
    return np.log2(len(ordered) + 1) - np.log2(ranks)


def by_chance(references: int) -> float:
    """Return the mean exposure of a canary that was in no lesson: every rank is as likely."""
    ranks = np.arange(1, references + 2)
    return float(np.log2(references + 1) - np.log2(ranks).mean())


def mean_exposure(found: Sequence[float], params: Evaluate) -> Measured:
    """Return the mean over canaries, which are drawn independently, and its interval."""
    values = np.asarray(found, float)
    resampling = Resampling.of([Thing(str(i)) for i in range(len(values))], params)
    return resampling.measure(lambda w: w @ values / w.sum(1), params.confidence)
