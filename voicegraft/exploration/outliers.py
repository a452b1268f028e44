"""Clips that are like no other: noise, another language, a broken recording."""

import numpy as np
from sklearn.neighbors import LocalOutlierFactor

from voicegraft.exploration.one_thread import ONE_THREAD
from voicegraft.exploration.units import standardised

NEIGHBOURS = 20
"""What its authors take: fewer find any pair of twins normal."""


@ONE_THREAD
def strangeness(states: np.ndarray) -> np.ndarray:
    """Return the local outlier factor of each clip, (clips,): 1 is as near as its neighbours are.

    Breunig et al. 2000, https://doi.org/10.1145/335191.335388.

    Args:
        states: the mean of each clip's states, (clips, size).

    Raises:
        ValueError: for fewer than two clips.
    """
    if len(states) < 2:
        raise ValueError("a single clip has no neighbours")
    factor = LocalOutlierFactor(min(NEIGHBOURS, len(states) - 1))
    return -factor.fit(standardised(states)).negative_outlier_factor_
