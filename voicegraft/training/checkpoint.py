"""A checkpoint of a training run: one file, replaced atomically after every epoch or more often."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from voicegraft.training.scratch import CHECKPOINT, keep, recall
from voicegraft.training.sharding import like, whole

if TYPE_CHECKING:
    from lightning_fabric.plugins import Precision


@dataclass
class Progress:
    """The progress of a run, and its best epoch.

    Attributes:
        epoch: how many are done.
        best_error: on dev.
        best_epoch: which has it.
        mute_epoch: the last with next to no predictions on dev: CTC may emit only blanks for
            hundreds of steps before it learns to spell, which is no reason to stop.
        spells: whether it has learnt to.
        steps: of the epoch under way, that are done.
        loss: sum over their batches, of those whose loss is finite.
        batches: how many these are.
        history: the curve by epoch.
    """

    epoch: int = 0
    best_error: float = float("inf")
    best_epoch: int = 0
    mute_epoch: int = 0
    spells: bool = False
    steps: int = 0
    loss: float = 0.0
    batches: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def count(self, loss: float) -> None:
        """Count the loss of a batch, if it is finite."""
        if math.isfinite(loss):
            self.loss, self.batches = self.loss + loss, self.batches + 1

    def end_epoch(self) -> None:
        """Count the epoch under way as done."""
        self.epoch, self.steps, self.loss, self.batches = self.epoch + 1, 0, 0.0, 0


@dataclass
class Learning:
    """The state of a run; frozen weights are in the upstream's own files.

    Attributes:
        weights: the model's own, by name; they are filled in place.
        best: copies of them at the best epoch.
        optimiser: see above.
        schedule: see above.
        precision: with the scale of the loss, where one is kept.
        progress: see above.
    """

    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    optimiser: Optimizer
    schedule: LRScheduler
    precision: "Precision"
    progress: Progress


class Checkpoint:
    """How far one run has come, kept in `folder`, which bears its name, until the run is done."""

    def __init__(self, folder: Path):
        self.path = folder / CHECKPOINT

    def save(self, learning: Learning, write: bool = True) -> None:
        """Replace the file. All ranks call this together, for shards, and one of them writes."""
        state = learning.optimiser.state_dict()
        moments = {
            f"{i}/{name}": whole(t) for i, of in state["state"].items() for name, t in of.items()
        }
        weights = {name: whole(own) for name, own in learning.weights.items()}
        if not write:
            return
        tensors = _under("weights", weights) | _under("best", learning.best)
        tensors |= _under("random", _generators())
        values = {
            "groups": state["param_groups"],
            "schedule": learning.schedule.state_dict(),
            "precision": learning.precision.state_dict(),
            "progress": asdict(learning.progress),
        }
        keep(self.path, tensors | _under("moments", moments), values)

    def restore(self, learning: Learning) -> bool:
        """Fill `learning`; return False, and change nothing, if there is none that is whole."""
        kept = recall(self.path)
        if kept is None:
            return False
        tensors, values = kept
        with torch.no_grad():
            for name, saved in _from("weights", tensors).items():
                learning.weights[name].copy_(like(saved, learning.weights[name]))
        learning.best = _from("best", tensors)
        learning.progress = Progress(**values["progress"])
        parameters = [p for group in learning.optimiser.param_groups for p in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for name, saved in _from("moments", tensors).items():
            index, _, moment = name.partition("/")
            own = parameters[int(index)]
            moments.setdefault(int(index), {})[moment] = like(saved, own) if saved.ndim else saved
        learning.optimiser.load_state_dict({"state": moments, "param_groups": values["groups"]})
        learning.schedule.load_state_dict(values["schedule"])
        learning.precision.load_state_dict(values["precision"])
        _set_generators(_from("random", tensors))
        return True

    def discard(self) -> None:
        """Remove the file: the run is done."""
        self.path.unlink(missing_ok=True)


def _generators() -> dict[str, Tensor]:
    """Return the states of torch's random generators."""
    found = {"cpu": torch.get_rng_state()}
    return found | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_initialized() else {})


def _set_generators(states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def _under(group: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{group}/{name}": tensor for name, tensor in tensors.items()}


def _from(group: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{group}/"
    return {k.removeprefix(start): tensor for k, tensor in tensors.items() if k.startswith(start)}
