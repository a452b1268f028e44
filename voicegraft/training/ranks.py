"""Several processes that train one model together, a rank each: by Fabric alone, or under torchrun.

Each rank takes its share of the batches of a step, and gradients are averaged over all of them. So
a step of two ranks is that of one process that accumulates two batches.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from voicegraft.speech.manifest import Utterance

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOST = ("gloo", "nccl", "connection", "peer")
"""Words of which there is one in what a backend says when another rank no longer answers."""


def processes(devices: int) -> tuple[int, int]:
    """Return how many ranks this machine has, and how many machines there are.

    Args:
        devices: of `compute.devices`; under torchrun, its own arguments hold instead.
    """
    if not torch.distributed.is_torchelastic_launched():
        return devices, 1
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return here, int(os.environ["WORLD_SIZE"]) // here


def is_first() -> bool:
    """Return whether this process is alone, or the first of those that train together.

    It is known before they are launched, from what they are started with.
    """
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"


@dataclass(frozen=True)
class Turn:
    """One batch in the epoch of one rank.

    Attributes:
        batch: its clips.
        number: of the batch in the epoch, however many ranks there are.
        weight: 0 where a rank without a batch of its own keeps the others company, else 1.
        last: whether the step is taken after it.
    """

    batch: list[Utterance]
    number: int
    weight: float
    last: bool


def turns(steps: Sequence[Sequence[list[Utterance]]], rank: int, ranks: int) -> list[Turn]:
    """Return what one rank takes of the batches of each step, in order; each rank has as many."""
    found: list[Turn] = []
    before = 0
    for step in steps:
        for place in range(rank, -(-len(step) // ranks) * ranks, ranks):
            taken, weight = (place, 1.0) if place < len(step) else (0, 0.0)
            last = place + ranks >= len(step)
            found.append(Turn(step[taken], before + taken, weight, last))
        before += len(step)
    return found


def after(epoch: list[Turn], steps: int) -> list[Turn]:
    """Return the turns of one rank that are left after so many steps."""
    ends = [place for place, turn in enumerate(epoch, 1) if turn.last]
    return epoch[ends[steps - 1] :] if steps else epoch


def gathered(fabric: "Fabric", own: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of all ranks by name. They travel as JSON, for nothing is unpickled."""
    if fabric.world_size == 1:
        return dict(own)
    text = torch.frombuffer(bytearray(json.dumps(dict(own)).encode()), dtype=torch.uint8)
    longest = int(fabric.all_reduce(torch.tensor(len(text)), reduce_op="max"))
    mine = fabric.to_device(F.pad(text, (0, longest - len(text)), value=ord(" ")))
    rows = [torch.empty_like(mine) for _ in range(fabric.world_size)]
    torch.distributed.all_gather(rows, mine)
    each: list[dict[str, str]] = [json.loads(bytes(row.cpu().numpy())) for row in rows]
    return {name: text for row in each for name, text in row.items()}


def sums(fabric: "Fabric", own: Sequence[float]) -> list[float]:
    """Return the sum over all ranks of each of these numbers."""
    if fabric.world_size == 1:
        return list(own)
    return fabric.all_reduce(torch.tensor(own, dtype=torch.float64), reduce_op="sum").tolist()


@contextmanager
def company(ranks: int) -> Iterator[None]:
    """End by one line if another rank has ended.

    Raises:
        RuntimeError: then.
    """
    try:
        yield
    except RuntimeError as error:
        lost = isinstance(error, torch.distributed.DistError)
        lost = lost or any(word in f"{error}".lower() for word in LOST)
        if ranks == 1 or not lost:
            raise
        raise RuntimeError(
            f"another of the {ranks} processes that train together has ended, so this one does: "
            "run the same again, and it goes on from the last checkpoint"
        ) from None
