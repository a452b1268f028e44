"""How well units agree with names that are known: purity, V-measure, mutual information.

None of them is 0 by chance, and purity is far from it, so each stands beside what the same units
get of the same names shuffled.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import homogeneity_score, v_measure_score
from sklearn.metrics.cluster import contingency_matrix

from voicegraft.exploration.units import standardised, units

DECIMALS = 4


def purity(names: Sequence[str], found: np.ndarray) -> float:
    """Return the share that bears its unit's most frequent name."""
    return float(contingency_matrix(names, found).max(0).sum() / len(found))


MEASURES: dict[str, Callable[[Sequence[str], np.ndarray], float]] = {
    "purity": purity,
    "v_measure": v_measure_score,
    # By the entropy of the names, as HuBERT's "phone-normalised": with the mean of both entropies
    # it would be the V-measure to the digit (Rosenberg and Hirschberg 2007,
    # https://aclanthology.org/D07-1043).
    "nmi": homogeneity_score,
}


@dataclass(frozen=True)
class Agreement:
    """A measure: its mean over fits from several seeds, the lowest, the highest, and by chance."""

    of: str  # clips or frames
    features: str
    against: str
    units: int
    measure: str
    value: float
    value_low: float
    value_high: float
    chance: float


def agreements(
    what: tuple[str, str, str],
    states: np.ndarray,
    names: Sequence[str],
    counts: Sequence[int],
    seeds: Sequence[int],
) -> Iterator[Agreement]:
    """Yield each measure for each of `counts` units.

    Args:
        what: of what, which features, against which names.
        states: (states, size), as they are.
        names: of each state.
        counts: how many units.
        seeds: each is a start of the clusters and a shuffle of the names.
    """
    states, names = standardised(states), np.asarray(names)
    for count in counts:
        found = [units(states, count, seed) for seed in seeds]
        shuffled = [np.random.default_rng(seed).permutation(names) for seed in seeds]
        for measure, of in MEASURES.items():
            true = [of(names, each) for each in found]
            chance = np.mean([of(*pair) for pair in zip(shuffled, found, strict=True)])
            values = (np.mean(true), min(true), max(true), chance)
            yield Agreement(*what, count, measure, *(round(float(v), DECIMALS) for v in values))
