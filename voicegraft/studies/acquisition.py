"""Ways to choose which clips to label next, without their labels.

`uncertainty` takes what the model is least sure of (Lewis and Gale 1994, https://arxiv.org/abs/
cmp-lg/9407020). `diversity` takes what is farthest from all that is labelled (Sener and Savarese
2018, https://arxiv.org/abs/1708.00489). `both` draws by doubt and distance together, as BADGE does
with gradients (Ash et al. 2020, https://arxiv.org/abs/1906.03671).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pool:
    """Clips without labels, and what is known of them.

    Attributes:
        seconds: of each clip, (clips,).
        doubt: 1 minus the model's confidence in its prediction, (clips,).
        vectors: standardised features, (clips, size).
        labelled: those of the clips that have labels, (labelled, size).
    """

    seconds: np.ndarray
    doubt: np.ndarray
    vectors: np.ndarray
    labelled: np.ndarray

    def distances(self) -> np.ndarray:
        """Return the squared distance of each clip to the nearest labelled one, (clips,)."""
        nearest = np.full(len(self.vectors), np.inf)
        for vector in self.labelled:
            nearest = np.minimum(nearest, self.distances_to(vector))
        return nearest

    def distances_to(self, vector: np.ndarray) -> np.ndarray:
        """Return the squared distance of each clip to a vector (size,), (clips,)."""
        return np.square(self.vectors - vector).sum(1)


def _random(pool: Pool, rng: np.random.Generator) -> Iterator[int]:
    yield from rng.permutation(len(pool.seconds)).tolist()


def _uncertainty(pool: Pool, rng: np.random.Generator) -> Iterator[int]:  # noqa: ARG001
    yield from np.argsort(-pool.doubt, kind="stable").tolist()


def _diversity(pool: Pool, rng: np.random.Generator) -> Iterator[int]:  # noqa: ARG001
    return _spread_out(pool, lambda nearest: int(nearest.argmax()))


def _both(pool: Pool, rng: np.random.Generator) -> Iterator[int]:
    def drawn(nearest: np.ndarray) -> int:
        # A share for each, so that clips without doubt come last, and not never.
        weights = np.maximum(nearest * pool.doubt, 1e-12 * (nearest >= 0))
        return int(rng.choice(len(weights), p=weights / weights.sum()))

    return _spread_out(pool, drawn)


def _spread_out(pool: Pool, choose: Callable[[np.ndarray], int]) -> Iterator[int]:
    """Yield clips, chosen by their squared distances to all before; those of a clip are then -1."""
    nearest, taken = pool.distances(), np.zeros(len(pool.vectors), dtype=bool)
    while not taken.all():
        clip = choose(np.where(taken, -1.0, nearest))
        yield clip
        taken[clip] = True
        nearest = np.minimum(nearest, pool.distances_to(pool.vectors[clip]))


WAYS = {"random": _random, "uncertainty": _uncertainty, "diversity": _diversity, "both": _both}


def next_clips(way: str, pool: Pool, seconds: float, seed: int) -> list[int]:
    """Return the clips of the pool to label next, the first first, which last `seconds` or more.

    Args:
        way: one of `WAYS`.
        pool: the clips, and what is known of them.
        seconds: of speech to label; if the pool has less, all of it is returned.
        seed: of what is drawn.
    """
    found, total = [], 0.0
    for clip in WAYS[way](pool, np.random.default_rng(seed)):
        if total >= seconds:
            break
        found.append(clip)
        total += float(pool.seconds[clip])
    return found
