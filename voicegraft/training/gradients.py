"""The loss of a batch, and its gradients: a step has those of several batches, and of all ranks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from voicegraft.model.batches import Padded
from voicegraft.speech.manifest import Utterance
from voicegraft.training.compute import attention_kernels
from voicegraft.training.fit import Fit
from voicegraft.training.predictor import Predictor
from voicegraft.training.ranks import Turn

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Gradients:
    """Adds the gradients of batches to the parameters of a model.

    Args:
        model: as Fabric wraps it.
        predictor: of the same model, bare.
        attention_weight: see `Trainer`.
    """

    def __init__(
        self,
        fabric: "Fabric",
        model: nn.Module,
        predictor: Predictor,
        fit: Fit,
        attention_weight: float,
    ):
        self.fabric, self.model, self.predictor = fabric, model, predictor
        self.fit, self.attention_weight = fit, attention_weight
        self.masked = True

    def add(self, turn: Turn, epoch: int) -> float:
        """Add the gradients of a batch, and return its loss.

        Of a step of several batches, each seeds torch by its own number: it is the same whichever
        rank takes it, and after whichever others.
        """
        if self.fit.accumulate * self.fabric.world_size > 1:
            torch.manual_seed(self.fit.batch_seed(epoch, turn.number))
        waits = self.fabric.no_backward_sync(self.model, enabled=not turn.last)
        with waits, attention_kernels(self.fabric.device):
            loss = self.loss(turn.batch)
            self.fabric.backward(loss * turn.weight / self.fit.accumulate)
        return loss.item()

    def loss(self, batch: Sequence[Utterance]) -> Tensor:
        """Return the loss of clips that are changed at random by torch's generator."""
        predictor, objective = self.predictor, self.predictor.model.objective
        clips = [predictor.inputs.augmented(utterance, self.masked) for utterance in batch]
        if not self.attention_weight:
            return objective.loss(predictor.emitted(self.model, clips), batch)
        joined, texts = predictor.joined(clips), [utterance.text for utterance in batch]
        *found, loss = self.model(joined.values, joined.lengths, predictor.inputs.start, texts)
        if self.attention_weight == 1:
            return loss
        own = objective.loss(Padded(*found), batch)
        return self.attention_weight * loss + (1 - self.attention_weight) * own.to(loss.device)
