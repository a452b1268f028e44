"""Clips by their neighbours: a map, outliers, duplicates.

t-SNE: van der Maaten and Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html. What lies
far apart on it says nothing, and neither does the size of a cluster.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.signal import correlate
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import normalize

from voicegraft.studies.exploration.units import ONE_THREAD, standardised

DIRECTIONS = 50
"""Before t-SNE, as its authors do: less noise in the distances, less time."""
PERPLEXITY = 30.0


@ONE_THREAD
def laid_out(states: np.ndarray, seed: int) -> np.ndarray:
    """Return where each clip lies, (clips, 2), from the means of its states, (clips, size).

    Raises:
        ValueError: for fewer than three clips.
    """
    if len(states) < 3:
        raise ValueError(f"{len(states)} clips make no map")
    kept = min(DIRECTIONS, *states.shape)
    main = PCA(kept, svd_solver="full").fit_transform(states)
    perplexity = min(PERPLEXITY, (len(states) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(main)


OUTLIER_NEIGHBOURS = 20
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
    factor = LocalOutlierFactor(min(OUTLIER_NEIGHBOURS, len(states) - 1))
    return -factor.fit(standardised(states)).negative_outlier_factor_


NEIGHBOURS = 8
"""Looked at of each clip: of more copies than that, each is still paired with some."""
COSINE = 0.9
"""Of states' means about the corpus' own: copies have 0.98, the rest is spared the work."""
LENGTHS = 0.9
"""The shorter of a pair is at least so much of the longer."""


@ONE_THREAD
def candidates(states: np.ndarray, samples: Sequence[int]) -> Iterator[tuple[int, int, float]]:
    """Yield (clip, other, cosine) of pairs that may be copies, each once, the likest first.

    Args:
        states: the mean of each clip's states, (clips, size).
        samples: how long each clip is.
    """
    directions = normalize(states - states.mean(0))
    wanted = min(NEIGHBOURS + 1, len(states))
    search = NearestNeighbors(n_neighbors=wanted, metric="cosine").fit(directions)
    distances, near = search.kneighbors(directions)
    pairs = {}
    for one, (others, far) in enumerate(zip(near.tolist(), distances.tolist(), strict=True)):
        for other, distance in zip(others, far, strict=True):
            shorter, longer = sorted((samples[one], samples[other]))
            if one != other and distance <= 1 - COSINE and shorter >= LENGTHS * longer:
                pairs[min(one, other), max(one, other)] = 1 - distance
    for pair in sorted(pairs, key=lambda pair: (-pairs[pair], pair)):
        yield *pair, pairs[pair]


def sameness(wave: np.ndarray, other: np.ndarray) -> float:
    """Return the highest correlation of two waves, (samples,), at any delay: 1 for copies.

    Other levels, a cut of silence, or the loss of a codec leave it near 1; another take of the same
    word by the same voice, whose log-mel may correlate by 0.98, is far below, and so is a copy at
    another speed.
    """
    energy = float(np.sqrt((wave @ wave) * (other @ other)))
    return float(np.abs(correlate(wave, other, method="fft")).max()) / energy if energy else 0.0


def duplicates(
    states: np.ndarray,
    samples: Sequence[int],
    wave: Callable[[int], np.ndarray],
    least: float,
) -> Iterator[tuple[int, int, float, float]]:
    """Yield (clip, other, cosine, sameness) of pairs whose sound is the same by `least` or more.

    Args:
        states, samples: as for `candidates`.
        wave: gives the samples of a clip.
        least: 0 to 1.
    """
    for one, other, cosine in candidates(states, samples):
        same = sameness(wave(one), wave(other))
        if same >= least:
            yield one, other, cosine, same
