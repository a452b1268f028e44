"""Time several ways of doing the same, in turn, so that what slows the machine slows them all."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping

from tqdm import tqdm

Way = Callable[[], object]


def in_turn(ways: Mapping[str, Way], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each way took, once a round."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
            last = seconds[name][-1]
            tqdm.write(f"round {number + 1}/{rounds}: {name}: {last:.2f} s", file=sys.stderr)
    return seconds


def ratio(theirs: list[float], ours: list[float]) -> dict[str, float]:
    """Return how many times as long theirs took, round by round: median, lowest and highest."""
    times = [a / b for a, b in zip(theirs, ours, strict=True)]
    return {"ratio": statistics.median(times), "low": min(times), "high": max(times)}
