"""Random subsets of speech by minutes."""

import math
from collections.abc import Sequence

import numpy as np

from voicegraft.speech.manifest import Utterance


def minutes_of(utterances: Sequence[Utterance]) -> float:
    """Return the total length in minutes, rounded down to hundredths."""
    return math.floor(sum(u.seconds for u in utterances) / 60 * 100) / 100


def draw(utterances: Sequence[Utterance], minutes: float, seed: int) -> list[Utterance]:
    """Return a random subset of about `minutes`; with one seed, subsets are nested.

    Raises:
        ValueError: if the clips have fewer minutes.
    """
    order = np.random.default_rng(seed).permutation(len(utterances))
    until = np.cumsum([utterances[i].seconds for i in order])
    if until[-1] < minutes * 60:
        raise ValueError(f"there are {until[-1] / 60:.1f} minutes to draw from, not {minutes:g}")
    kept = sorted(order[: 1 + int(np.searchsorted(until, minutes * 60))])
    return [utterances[i] for i in kept]
