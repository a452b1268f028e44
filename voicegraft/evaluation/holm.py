"""Correction for multiple comparisons: of twenty slices one would look worse by chance."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Name = TypeVar("Name")


def sure_of(
    names: Iterable[Name], sure_at: Callable[[Name, float], bool], confidence: float
) -> list[Name]:
    """Return those of `names` that are significant together, in the order given.

    By Holm's step-down procedure (1979, https://www.jstor.org/stable/4615733): the probability of
    any false positive is at most 1 - `confidence`, for any dependence.

    Args:
        names: of all tests.
        sure_at: whether the interval of a test at a confidence excludes "no difference".
        confidence: of all tests together.
    """
    every, left = list(names), list(names)
    while left:
        at = 1 - (1 - confidence) / len(left)
        unsure = [name for name in left if not sure_at(name, at)]
        if len(unsure) == len(left):
            break
        left = unsure
    return [name for name in every if name not in left]
