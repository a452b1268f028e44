"""Clips that are the same recording: found by their states, confirmed by their sound."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.signal import correlate
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from voicegraft.exploration.one_thread import ONE_THREAD

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
