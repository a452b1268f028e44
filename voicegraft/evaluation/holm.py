"""Many verdicts at once: of twenty slices one would look worse by luck alone."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Name = TypeVar("Name")


def sure_of(
    names: Iterable[Name], sure_at: Callable[[Name, float], bool], confidence: float
) -> list[Name]:
    """Return those of `names` that stay sure when all are tried, in the order given.

    By Holm's step-down procedure (1979, https://www.jstor.org/stable/4615733): the chance that any
    of them is there by luck alone stays at 1 - `confidence`, however they depend on each other.

    Args:
        names: of all verdicts.
        sure_at: whether the interval of one at such a confidence leaves out "no difference".
        confidence: of all of them together.
    """
    every, left = list(names), list(names)
    while left:
        at = 1 - (1 - confidence) / len(left)
        unsure = [name for name in left if not sure_at(name, at)]
        if len(unsure) == len(left):
            break
        left = unsure
    return [name for name in every if name not in left]
