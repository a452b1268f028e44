"""Units: clusters of states, and how well they agree with known names.

Hsu et al. 2021, https://arxiv.org/abs/2106.07447. States are standardised first: a few numbers of
Whisper's are louder than all others and say little of the sounds. On Czech frames that doubles the
V-measure of 50 units against characters, from 0.12 to 0.25. Whitening gains a little more there,
and loses as much on clips, where it makes the voice as loud as the word.

None of them is 0 by chance, and purity is far from it, so each stands beside what the same units
get of the same names shuffled.
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
"""Makes a function give the same bytes on any number of cores: sums have one order.

By threadpoolctl, which scikit-learn brings along to do the same.
"""


DIRECTIONS = 64
"""Kept of the states: as good as all, and five times faster to cluster."""
BATCH, PASSES, STARTS = 2_048, 20, 3


@ONE_THREAD
def standardised(states: np.ndarray) -> np.ndarray:
    """Return the main directions of the states, each number brought to variance 1 before.

    Args:
        states: (states, size).

    Returns:
        (states, directions), of which there are DIRECTIONS at most.
    """
    main = PCA(min(DIRECTIONS, *states.shape), svd_solver="full", copy=False)
    if len(states) > states.shape[1]:
        main.set_params(svd_solver="covariance_eigh")
    return make_pipeline(StandardScaler(), main).fit_transform(states)


@ONE_THREAD
def units(states: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the unit of each state, (states,): which of at most `count` clusters it lies in."""
    count = min(count, len(states))
    found = MiniBatchKMeans(
        count, batch_size=BATCH, max_iter=PASSES, n_init=STARTS, random_state=seed
    )
    return found.fit_predict(states)


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
