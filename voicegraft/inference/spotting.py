"""Look through a long recording: windows that overlap, and what is heard in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hit:
    """A stretch in which one class is heard."""

    start_seconds: float
    end_seconds: float
    label: str
    probability: float
    """The highest in it."""


def windows(
    blocks: Iterable[np.ndarray], length: int, hop: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first sample, samples) of windows that overlap; the last one may be shorter."""
    rest, first, ended = np.empty(0, np.float32), 0, 0
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= length:
            yield first, rest[:length]
            ended = first + length
            rest, first = rest[hop:], first + hop
    if first + len(rest) > ended:
        yield first, rest


def joined(hits: Sequence[Hit]) -> list[Hit]:
    """Return hits of one class that touch as one, with the highest probability of them."""
    found: list[Hit] = []
    for hit in hits:
        last = found[-1] if found else None
        if last and last.label == hit.label and hit.start_seconds <= last.end_seconds:
            best = max(last.probability, hit.probability)
            found[-1] = Hit(last.start_seconds, hit.end_seconds, hit.label, best)
        else:
            found.append(hit)
    return found
