"""Neighbours of clips: a t-SNE map, outliers, duplicates.

t-SNE: van der Maaten and Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html. Large
distances on the map, and sizes of clusters, have no meaning.
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
"""Principal components before t-SNE, as its authors do: less noise in the distances, less time."""
PERPLEXITY = 30.0


@ONE_THREAD
def laid_out(states: np.ndarray, seed: int) -> np.ndarray:
    """Return the t-SNE coordinates of clips, (clips, 2), from mean states (clips, size).

    Raises:
        ValueError: for fewer than three clips.
    """
    if len(states) < 3:
        raise ValueError(f"a map needs at least three clips, not {len(states)}")
    kept = min(DIRECTIONS, *states.shape)
    main = PCA(kept, svd_solver="full").fit_transform(states)
    perplexity = min(PERPLEXITY, (len(states) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(main)


OUTLIER_NEIGHBOURS = 20
"""As its authors choose: with fewer neighbours, a pair of copies is never an outlier."""


@ONE_THREAD
def outlier_factors(states: np.ndarray) -> np.ndarray:
    """Return the local outlier factor of each clip, (clips,); 1 is normal density.

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
"""Number of neighbours that are compared with a clip."""
COSINE = 0.9
"""The lowest cosine of centred mean states of candidates; copies have 0.98."""
LENGTHS = 0.9
"""The lowest ratio of the lengths of a pair."""


@ONE_THREAD
def candidates(states: np.ndarray, samples: Sequence[int]) -> Iterator[tuple[int, int, float]]:
    """Yield (clip, other, cosine) of pairs that may be copies, the most similar first.

    Args:
        states: the mean of each clip's states, (clips, size).
        samples: the length of each clip.
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
    """Return the highest correlation of two waves, (samples,), over all delays; 1 for copies.

    It stays near 1 after a change of level, trimmed silence or a lossy codec. It is far lower for
    another recording of the same word by the same speaker, whose log-mel may correlate by 0.98, and
    for a copy at another speed.
    """
    energy = float(np.sqrt((wave @ wave) * (other @ other)))
    return float(np.abs(correlate(wave, other, method="fft")).max()) / energy if energy else 0.0


def duplicates(
    states: np.ndarray,
    samples: Sequence[int],
    wave: Callable[[int], np.ndarray],
    least: float,
) -> Iterator[tuple[int, int, float, float]]:
    """Yield (clip, other, cosine, sameness) of pairs with a sameness of at least `least`.

    Args:
        states, samples: as for `candidates`.
        wave: returns the samples of a clip.
        least: 0 to 1.
    """
    for one, other, cosine in candidates(states, samples):
        same = sameness(wave(one), wave(other))
        if same >= least:
            yield one, other, cosine, same
