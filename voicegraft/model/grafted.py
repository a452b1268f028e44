"""The grafted model: an upstream, a head and its labels."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, field_validator
from torch import Tensor, nn

from voicegraft.model import classifier as classifiers
from voicegraft.model import head as heads
from voicegraft.model import unfreezing
from voicegraft.model import upstream as upstreams
from voicegraft.model.attention import Attention, AttentionDecoder
from voicegraft.model.batches import Padded, Ragged, join
from voicegraft.model.layers import Layer, SideBySide, WeightedSum, numbers
from voicegraft.model.objective import Classification, Objective, Transcription


class Description(BaseModel):
    """model.json: what is needed to build the network and to prepare its input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    upstream: str
    upstream_config: upstreams.Config
    margin_seconds: float
    """Silence after each clip, as in training."""
    head: str
    pooling: str | None = None
    """For a classifier, how frames are pooled; None if the head transcribes."""
    normalise: Literal["speaker"] | None = None
    """For a classifier, whether clips are normalised by speaker."""
    layer: Layer
    """The input layer of the head, or several: see voicegraft.model.layers."""
    labels: list[str]
    """The blank, then code points; for a classifier, its classes."""
    added: unfreezing.Added | None = None
    """Modules that fine-tuning added to the upstream, if any."""
    attention: Attention | None = None
    """The attention decoder beside the head, if there is one."""

    @field_validator("upstream_config", "attention", mode="before")
    @classmethod
    def _bounded(cls, config: Any) -> Any:
        return upstreams.bounded(config)

    @property
    def layers(self) -> tuple[int, ...]:
        """The input layers of the head, increasing."""
        return numbers(self.layer)

    @property
    def top(self) -> int:
        """The highest input layer: blocks above it are not run."""
        return self.layers[-1]


class GraftedModel(nn.Module):
    """The upstream and head of `description`, with random weights until loaded."""

    def __init__(self, description: Description):
        super().__init__()
        self.description = description
        plugin = upstreams.plugin(description.upstream)
        self.upstream: upstreams.Upstream = plugin.build(description.upstream_config)
        if description.added:
            unfreezing.add(self.upstream.blocks, self.upstream.size, description.added)
        if description.top > len(self.upstream.blocks):
            raise ValueError(f"layer must be 0 to {len(self.upstream.blocks)}: {description.layer}")
        self.mix = mix_for(description)
        self.head = build_head(description, self.upstream)
        self.attention = AttentionDecoder(description.attention) if description.attention else None
        kind = Classification if description.pooling else Transcription
        self.objective: Objective = kind(description.labels)

    @property
    def labels(self) -> list[str]:
        """The labels of emissions: symbols, the first of which is the CTC blank, or classes."""
        return self.description.labels

    @property
    def layer_weights(self) -> dict[int, float]:
        """The weight of each input layer of the head; empty if there is only one."""
        if not isinstance(self.mix, WeightedSum):
            return {}
        return dict(zip(self.description.layers, self.mix.weights.tolist(), strict=True))

    @property
    def max_seconds(self) -> float:
        """Length of the longest clip that fits the upstream's window."""
        return self.upstream.max_samples / self.upstream.sample_rate

    def attend(self, decoder: AttentionDecoder) -> None:
        """Set an attention decoder beside the head, in place of any before."""
        self.attention = decoder.to(self.upstream.device)
        update = {"attention": decoder.config}
        self.description = self.description.model_copy(update=update)

    def forward(
        self,
        states: Tensor,
        lengths: Tensor,
        start: int | None,
        texts: Sequence[str] | None = None,
    ) -> tuple[Tensor, ...]:
        """Return emissions, log-probabilities (batch, frames, labels), and their lengths.

        With `texts`, the loss of the attention decoder is the third.

        Args:
            states: of layer `start`, (frames of all clips, size), or features if it is None; or of
                all input layers of the head, (frames of all clips, layers, size).
            lengths: of each clip, on the CPU.
            start: the layer from which the upstream runs; lower blocks are not run.
            texts: of the clips, which the attention decoder learns to write.
        """
        encoded = self.head_input(states, lengths, start)
        emissions = self.head(encoded)
        if texts is None:
            return emissions.values, emissions.lengths
        return emissions.values, emissions.lengths, self.attention.loss(encoded, texts)

    def head_input(self, states: Tensor, lengths: Tensor, start: int | None) -> Padded:
        """Return the input of the head, (batch, frames, size), as `forward` makes it."""
        inputs = Ragged(states, lengths)
        if states.ndim == 2:
            inputs = self._layer_states(inputs, start)
        if self.mix is not None:
            inputs = inputs.with_values(self.mix(inputs.values))
        return inputs.padded()

    def _layer_states(self, inputs: Ragged, start: int | None) -> Ragged:
        """Return the states of the input layers; of several, (frames, layers, size)."""
        if start is None:
            start, inputs = 0, self.upstream.stem(inputs)
        found = self.upstream.above(inputs, start, self.description.layers)
        if self.mix is None:
            return found[self.description.top]
        stacked = torch.stack([found[k].values for k in self.description.layers], 1)
        return inputs.with_values(stacked)

    @torch.inference_mode()
    def emissions(self, waves: Sequence[np.ndarray]) -> list[Tensor]:
        """Return emissions (frames, labels) on the CPU, for waves of float32 (samples,)."""
        features = self._features(waves)
        values, lengths = self(features.values, features.lengths, None)
        return Padded(values.float().cpu(), lengths).clips()

    @torch.inference_mode()
    def emissions_and_states(self, waves: Sequence[np.ndarray]) -> list[tuple[Tensor, Tensor]]:
        """Return emissions (frames, labels) and input of the head (frames, size), on the CPU."""
        features = self._features(waves)
        states = self.head_input(features.values, features.lengths, None)
        both = (Padded(p.values.float().cpu(), p.lengths) for p in (self.head(states), states))
        return list(zip(*(padded.clips() for padded in both), strict=True))

    @torch.inference_mode()
    def pooled(self, waves: Sequence[np.ndarray]) -> Tensor:
        """Return the pooled states of waves, (clips, features), which are a classifier's input."""
        features = self._features(waves)
        return self.head.pooling(self.head_input(features.values, features.lengths, None))

    def _features(self, waves: Sequence[np.ndarray]) -> Ragged:
        device, margin = self.upstream.device, self.description.margin_seconds
        windows = [self.upstream.window(torch.from_numpy(w).to(device), margin) for w in waves]
        return join([self.upstream.features(window) for window in windows])

    def decode(self, emission: Tensor) -> str:
        """Return the text or class predicted by emissions (frames, labels)."""
        return self.objective.decode(emission)


def mix_for(description: Description) -> WeightedSum | SideBySide | None:
    """Return the module that combines input layers; None for a single layer."""
    if len(description.layers) == 1:
        return None
    return SideBySide() if description.pooling else WeightedSum(len(description.layers))


def build_head(description: Description, upstream: upstreams.Upstream) -> heads.Head:
    """Return the head that `description` names, on states of `upstream`, with random weights."""
    size, labels = upstream.size, len(description.labels)
    if not description.pooling:
        return heads.build(description.head, size, labels)
    kind, size = (description.head, description.pooling), size * len(description.layers)
    silence = upstream.silence_frames(description.margin_seconds)
    return classifiers.build(*kind, size, labels, silence, by_voice=bool(description.normalise))
