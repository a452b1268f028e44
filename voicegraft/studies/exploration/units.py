"""Units: clusters of states, and their agreement with known names.

Hsu et al. 2021, https://arxiv.org/abs/2106.07447. States are standardised first: a few dimensions
of Whisper have large variance and little information on sounds. On Czech frames this doubles the
V-measure of 50 units against characters, from 0.12 to 0.25. Whitening gains a little more there,
and loses as much on clips, where it amplifies speaker variation.

No measure is 0 by chance, purity least of all, so each is given with its value for shuffled names.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.metrics import homogeneity_score, v_measure_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from voicegraft.model.log_mel import BINS, LogMel
from voicegraft.speech.manifest import Corpus, Utterance

ONE_THREAD = threadpool_limits.wrap(limits=1)
"""Decorator for the same bytes on any number of cores: sums have one order.

It uses threadpoolctl, a dependency of scikit-learn.
"""


DIRECTIONS = 64
"""Principal components for clustering: as good as all dimensions, and five times faster."""
BATCH, PASSES, STARTS = 2_048, 20, 3


@ONE_THREAD
def standardised(states: np.ndarray) -> np.ndarray:
    """Return the principal components of the states, after scaling each dimension to variance 1.

    Args:
        states: (states, size).

    Returns:
        (states, directions), with at most DIRECTIONS directions.
    """
    main = PCA(min(DIRECTIONS, *states.shape), svd_solver="full", copy=False)
    if len(states) > states.shape[1]:
        main.set_params(svd_solver="covariance_eigh")
    return make_pipeline(StandardScaler(), main).fit_transform(states)


@ONE_THREAD
def units(states: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the unit of each state, (states,): the index of one of at most `count` clusters."""
    count = min(count, len(states))
    found = MiniBatchKMeans(
        count, batch_size=BATCH, max_iter=PASSES, n_init=STARTS, random_state=seed
    )
    return found.fit_predict(states)


DECIMALS = 4


def purity(names: Sequence[str], found: np.ndarray) -> float:
    """Return the share of states with the most frequent name of their unit."""
    return float(contingency_matrix(names, found).max(0).sum() / len(found))


MEASURES: dict[str, Callable[[Sequence[str], np.ndarray], float]] = {
    "purity": purity,
    "v_measure": v_measure_score,
    # Normalised by the entropy of the names, like HuBERT's "phone-normalised"; normalised by the
    # mean of both entropies it would equal the V-measure (Rosenberg and Hirschberg 2007,
    # https://aclanthology.org/D07-1043).
    "nmi": homogeneity_score,
}


@dataclass(frozen=True)
class Agreement:
    """A measure of agreement: mean, lowest and highest over seeds, and its value by chance."""

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
        what: the fields `of`, `features` and `against`.
        states: (states, size), not standardised.
        names: of the states.
        counts: numbers of units.
        seeds: of the clustering and of the shuffled names.
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


NAME = "log_mel"


@torch.inference_mode()
def log_mel(corpus: Corpus, clip: Utterance) -> np.ndarray:
    """Return the clip's log-mel frames, 50 a second, float32 (frames, size)."""
    upstream = LogMel(BINS)
    window = upstream.window(torch.from_numpy(corpus.wave(clip)), 0.0)
    return upstream.encode([window], [0])[0].values.numpy()


def log_mel_means(corpus: Corpus, clips: Sequence[Utterance]) -> np.ndarray:
    """Return the mean of each clip's log-mel frames, (clips, size)."""
    return np.stack([log_mel(corpus, clip).mean(0) for clip in clips])
