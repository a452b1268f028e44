"""Nodes of Ray on this machine, and the processor time of all that a benchmark starts."""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from ray.cluster_utils import Cluster

ROOT = Path(__file__).parent.parent
NODES = 3
LOOK_SECONDS = 0.2


class Watch(threading.Thread):
    """The processor time of this process's descendants, dead ones included."""

    def __init__(self):
        super().__init__(daemon=True)
        self.spent: dict[tuple[int, float], float] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        """Look at them until `seconds` is asked."""
        while not self.ended.wait(LOOK_SECONDS):
            for process in psutil.Process().children(recursive=True):
                try:
                    times = process.cpu_times()
                    self.spent[process.pid, process.create_time()] = times.user + times.system
                except psutil.NoSuchProcess:
                    pass

    def seconds(self) -> float:
        """Stop watching; return the sum."""
        self.ended.set()
        self.join()
        return sum(self.spent.values())


class Nodes:
    """A cluster whose nodes come and go; the first is not for encoders."""

    def __init__(self, environment: Mapping[str, str]):
        os.environ.update(environment)
        self.cluster = Cluster()
        self.cluster.add_node(num_cpus=0, include_dashboard=False)
        self.workers = [self.cluster.add_node(num_cpus=1) for _ in range(NODES)]

    def kill(self, number: int) -> None:
        """Kill a node as if its power failed, and let another join."""
        node = self.workers.pop(number)
        for found in node.all_processes["raylet"]:
            os.kill(found.process.pid, signal.SIGKILL)
        self.cluster.remove_node(node, allow_graceful=False)
        self.workers.append(self.cluster.add_node(num_cpus=1))


@contextmanager
def cluster(**environment: str) -> Iterator[Nodes]:
    """Yield nodes, which are gone afterwards."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    nodes = Nodes(quiet | environment)
    try:
        yield nodes
    finally:
        nodes.cluster.shutdown()
