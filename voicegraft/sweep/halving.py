"""Successive halving: try many settings for a little, and the better half for twice as long.

Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943. Each round costs the same, so what is
spent on the worst settings is little, and most of it on the few that may be the best.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Tried(Generic[Setting]):
    """A setting, for how long it was tried, and how far it came."""

    setting: Setting
    epochs: int
    cer: float


def rounds(settings: int) -> int:
    """Return how many times so many are halved until one is left; one round at least."""
    return max(1, math.ceil(math.log2(settings)))


def halve(
    settings: Sequence[Setting], trial: Callable[[Setting, int], float], epochs: int
) -> Iterator[list[Tried[Setting]]]:
    """Yield each round's results, the best first; the last round's first is the one to take.

    Args:
        settings: one or more.
        trial: trains a setting anew for so many epochs, and returns its error rate.
        epochs: of the first round.
    """
    for number in range(rounds(len(settings))):
        long = epochs * 2**number
        tried = [Tried(setting, long, trial(setting, long)) for setting in settings]
        tried.sort(key=lambda one: one.cer)
        yield tried
        settings = [one.setting for one in tried[: math.ceil(len(tried) / 2)]]
