"""A pool of encoders on a cluster of Ray, which come and go, and the tasks that they are given.

Ray (Moritz et al. 2018, https://arxiv.org/abs/1712.05889) starts an encoder where there is room,
and its autoscaler adds nodes for one that has none. So one always waits, until no task is left.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from voicegraft.embedding.node import Done, Encoder, Job

ATTEMPTS = 5
"""Deaths of encoders over one task, or as they start one after the other: then it is no chance."""
STORE_BYTES = 100 * 2**20
"""Of Ray's object store on this machine, through which ids alone go."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nothing is reported to Ray's makers; no warning of what a later release will change."""


@dataclass
class Task:
    """Ids of takes in whole batches, and how many encoders died over them."""

    ids: list[str]
    deaths: int = 0


class Pool:
    """Encoders that come and go, and the tasks that they are given.

    Attributes:
        nodes: the encoders that are at work or could be, with their nodes' names.
    """

    def __init__(self, ray: Any, job: Job, waiting: deque[Task]):
        self.ray, self.job, self.waiting = ray, job, waiting
        needs = {"num_gpus": 1} if ray.cluster_resources().get("GPU") else {}
        self.kind = ray.remote(num_cpus=1, **needs)(Encoder)
        self.starting: dict[Any, Any] = {}
        self.busy: dict[Any, tuple[Any, Task]] = {}
        self.nodes: dict[Any, str] = {}
        self.died = 0

    def run(self) -> Iterator[tuple[Task, Done]]:
        """Yield each task with what became of it, as they are done."""
        idle: list[Any] = []
        while self.waiting or self.busy:
            if not self.starting and len(self.waiting) > len(idle):
                actor = self.kind.remote(self.job)
                self.starting[actor.start.remote()] = actor
            while idle and self.waiting:
                actor, task = idle.pop(), self.waiting.popleft()
                self.busy[actor.encode.remote(task.ids)] = actor, task
            (ready,), _ = self.ray.wait([*self.starting, *self.busy], num_returns=1)
            if ready in self.starting:
                idle += self._started(ready)
            else:
                actor, task = self.busy.pop(ready)
                try:
                    done = self.ray.get(ready)
                except self.ray.exceptions.RayTaskError as error:
                    raise error.cause from None
                except self.ray.exceptions.RayActorError:
                    self._lost(actor, task)
                    continue
                yield task, done
                if self.waiting:
                    idle.append(actor)
                else:
                    del self.nodes[actor]  # its node is free for others, and may go

    def _started(self, ready: Any) -> list[Any]:
        actor = self.starting.pop(ready)
        try:
            self.nodes[actor] = self.ray.get(ready)
        except self.ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self.ray.exceptions.RayActorError as error:
            self.died += 1
            if self.died >= ATTEMPTS:
                raise RuntimeError(f"encoders die as they start: {error}") from None
            return []
        self.died = 0
        return [actor]

    def _lost(self, actor: Any, task: Task) -> None:
        """Give a task to another encoder, unless it is what they die of."""
        node = self.nodes.pop(actor)
        task.deaths += 1
        what = f"{task.ids[0]} … {task.ids[-1]}"
        if task.deaths >= ATTEMPTS:
            raise RuntimeError(f"{task.deaths} encoders died over {what}, the last on {node}")
        tqdm.write(f"node {node}: an encoder is lost; another begins {what} again", sys.stderr)
        self.waiting.appendleft(task)


@contextmanager
def connected() -> Iterator[Any]:
    """Yield Ray, connected to the cluster of RAY_ADDRESS, or to one on this machine.

    Raises:
        RuntimeError: if Ray is not installed, or the cluster does not answer.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError:
        raise RuntimeError(
            "params.yaml: extract_embeddings.engine is ray, which is not installed: "
            "pip install 'voicegraft[ray]'"
        ) from None
    own = {"address": "local", "include_dashboard": False, "object_store_memory": STORE_BYTES}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(
            **({} if os.environ.get("RAY_ADDRESS") else own),
            log_to_driver=False,
            logging_level="ERROR",
        )
        for number, handler in handlers.items():
            signal.signal(number, handler)  # Ray takes SIGTERM for itself
        yield ray
    except ConnectionError as error:
        raise RuntimeError(f"Ray's cluster at RAY_ADDRESS does not answer: {error}") from None
    finally:
        ray.shutdown()
