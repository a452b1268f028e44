"""A checkpoint of a training run: one file, replaced atomically after every epoch."""

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
    """The progress of a run, and its best epoch."""

    epoch: int = 0
    best_error: float = float("inf")
    best_epoch: int = 0
    mute_epoch: int = 0
    """The last epoch with next to no predictions on dev: CTC may emit only blanks for hundreds of
    steps before it learns to spell, which is no reason to stop."""
    history: list[dict[str, float]] = field(default_factory=list)


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
    """The last epoch of one run, kept in `folder`, which bears its name, until the run is done."""

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
        return True

    def discard(self) -> None:
        """Remove the file: the run is done."""
        self.path.unlink(missing_ok=True)


def _under(group: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{group}/{name}": tensor for name, tensor in tensors.items()}


def _from(group: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{group}/"
    return {k.removeprefix(start): tensor for k, tensor in tensors.items() if k.startswith(start)}
