"""The time of an extraction on several nodes, by a simulation of those lost and those that lag.

Tasks are given out as `embedding.pool` does: to whoever is free. What a lost node has encoded of
its task is in the cache, so the next one does the rest.
"""

import heapq
from dataclasses import dataclass, replace

import numpy as np

from voicegraft.embedding.on_ray import FEWEST_TASKS, TASK_SECONDS
from voicegraft.planning.rates import Rates

RUNS = 100
MOST_TASKS = 2000
"""Beyond that, tasks are simulated as larger ones, which takes a second and not minutes."""
MIDDLE = (5, 50, 95)
"""Percentiles of the runs that are told."""
TASK_SPREAD, NODE_SPREAD = 0.1, 0.05
"""Standard deviations of the logarithms of what tasks take, and of how fast nodes are."""
LAGGING, LAG = 0.02, 2.0
"""The share of nodes that a neighbour slows, and how much longer they take."""
REPLACED_SECONDS = 300
"""Until another node is there in the place of a lost one."""

PEAKS = {
    "t4": (8.1e12, 8.1e12),
    "l4": (30.3e12, 121e12),
    "a100": (19.5e12, 312e12),
    "h100": (67e12, 989e12),
}
"""Operations a second at most, in float32 and in bfloat16 (which a T4 lacks), by NVIDIA's data
sheets, without sparsity."""
SHARES = (0.05, 0.3)
"""The shares of the peak that an encoder may reach: a guess, as none was measured."""


@dataclass(frozen=True)
class Forecast:
    """Seconds of encoding, low, middle and high, then of composing, and node-hours of both."""

    encode: tuple[float, float, float]
    compose: float
    node_hours: float

    @property
    def seconds(self) -> tuple[float, float, float]:
        """Seconds of all, low, middle and high."""
        return tuple(seconds + self.compose for seconds in self.encode)


def forecast(hours: float, nodes: int, rates: Rates, lost: float, seed: int = 1) -> Forecast:
    """Return what so many hours of recordings cost.

    Args:
        nodes: each as fast as `rates` says; one of them encodes and stores at once, without Ray.
        lost: the share of nodes that is lost in an hour.
    """
    work = hours * rates.takes
    if nodes == 1:
        alone = rates.start + work * rates.encode
        return Forecast((alone, alone, alone), 0.0, alone / 3600)
    rng = np.random.default_rng(seed)
    runs = [rates.start + simulated(work, nodes, rates, lost, rng) for _ in range(RUNS)]
    low, middle, high = (float(each) for each in np.percentile(runs, MIDDLE))
    compose = work * rates.compose
    return Forecast((low, middle, high), compose, (nodes * middle + compose) / 3600)


def simulated(
    work: float, nodes: int, rates: Rates, lost: float, rng: np.random.Generator
) -> float:
    """Return the seconds of one run, until the last task is done."""
    number = min(max(FEWEST_TASKS, round(work / (TASK_SECONDS / 3600))), MOST_TASKS)
    waiting = [work / number * rates.encode] * number
    slow = rng.lognormal(0, NODE_SPREAD, nodes) * np.where(rng.random(nodes) < LAGGING, LAG, 1)
    free, end = [(0.0, node) for node in range(nodes)], 0.0
    while waiting:
        began, node = heapq.heappop(free)
        whole = waiting.pop()
        takes = whole * slow[node] * rng.lognormal(0, TASK_SPREAD)
        left = rng.exponential(3600 / lost) if lost else np.inf
        if left < takes:
            waiting.append(whole * (1 - left / takes))
            heapq.heappush(free, (began + left + REPLACED_SECONDS, node))
        else:
            end = max(end, began + takes)
            heapq.heappush(free, (began + takes, node))
    return end


def on_device(rates: Rates, device: str, precision: str) -> tuple[Rates, Rates]:
    """Return the rates of a node with such a GPU, at best and at worst, by its data sheet.

    What is not arithmetic takes as long as here: to compose a store is most of it.

    Raises:
        ValueError: if it is not known, naming those that are.
    """
    if device not in PEAKS:
        raise ValueError(f"--device {device}: known are {', '.join(PEAKS)}; others by --speed")
    peak = PEAKS[device][precision != "float32"]
    best, worst = (
        replace(rates, encode=rates.compose + rates.operations / (peak * share))
        for share in reversed(SHARES)
    )
    return best, worst
