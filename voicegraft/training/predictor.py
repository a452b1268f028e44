"""What a model predicts as it is trained, from the inputs of training; by one rank, or by all."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from voicegraft.model.batches import Padded, Ragged, join
from voicegraft.model.grafted import GraftedModel
from voicegraft.speech.manifest import Utterance
from voicegraft.training.fit import batches_in_order
from voicegraft.training.inputs import Inputs
from voicegraft.training.ranks import gathered
from voicegraft.training.sharding import shards

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Batch = Sequence[Utterance]


class Predictor:
    """Predicts in full precision, in batches of neighbours in length.

    So fine-tuning on states in full precision begins at the very score of the trained head, and on
    others within their error.
    """

    def __init__(self, fabric: "Fabric", model: GraftedModel, inputs: Inputs, seconds: float):
        self.fabric, self.model, self.inputs, self.seconds = fabric, model, inputs, seconds

    def joined(self, clips: Sequence[Tensor]) -> Ragged:
        """Return inputs of clips end to end, on the device."""
        joined = join(clips)
        return joined.with_values(self.fabric.to_device(joined.values))

    def emitted(self, model: nn.Module, clips: Sequence[Tensor]) -> Padded:
        """Return the emissions of inputs, (batch, frames, labels), by the model or its wrapping."""
        joined = self.joined(clips)
        return Padded(*model(joined.values, joined.lengths, self.inputs.start))

    def emissions(self, utterances: Sequence[Utterance]) -> Iterator[tuple[Utterance, Tensor]]:
        """Yield each with its log-probabilities (frames, labels), the shortest first."""
        for batch in batches_in_order(utterances, self.seconds):
            yield from zip(batch, self._emissions(batch), strict=True)

    def predict(self, utterances: Sequence[Utterance]) -> list[str]:
        """Return the prediction for each of `utterances`, all made by this rank."""
        found = {clip.id: self.model.decode(own) for clip, own in self.emissions(utterances)}
        return [found[utterance.id] for utterance in utterances]

    def predict_by_all(self, utterances: Sequence[Utterance]) -> list[str]:
        """Return the same; all ranks call this, and each makes its share."""
        return self._by_all(utterances, lambda b: map(self.model.decode, self._emissions(b)))

    def written_by_all(self, utterances: Sequence[Utterance]) -> list[str]:
        """Return what the attention decoder alone writes for each of `utterances`, greedily."""
        return self._by_all(utterances, self._written)

    @torch.no_grad()
    def _emissions(self, batch: Batch) -> list[Tensor]:
        self.model.eval()
        return self.emitted(self.model, [self.inputs(clip) for clip in batch]).clips()

    @torch.no_grad()
    def _written(self, batch: Batch) -> list[str]:
        self.model.eval()
        joined = self.joined([self.inputs(clip) for clip in batch])
        states = self.model.head_input(joined.values, joined.lengths, self.inputs.start)
        return self.model.attention.greedy(states)

    def _by_all(
        self, utterances: Sequence[Utterance], predict: Callable[[Batch], Iterator[str] | list[str]]
    ) -> list[str]:
        batches = batches_in_order(utterances, self.seconds)
        rank, ranks = self.fabric.global_rank, self.fabric.world_size
        found: dict[str, str] = {}
        for batch in batches if shards(self.fabric) else batches[rank::ranks]:
            found |= {clip.id: text for clip, text in zip(batch, predict(batch), strict=True)}
        everything = gathered(self.fabric, found)
        return [everything[utterance.id] for utterance in utterances]
