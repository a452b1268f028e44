"""A grafted model as a graph: padded waves and their lengths in, log-probabilities out.

The model itself takes clips end to end, at any length. A graph has one form for all batches, so
here clips are padded, and what is behind a clip is masked. The layers are the model's own.

A plug-in in voicegraft/export/encoders has the name of an upstream and one function:

    def padded(upstream, margin_frames) -> nn.Module

It makes the blocks of `upstream` take (batch, frames, size) with a mask (batch, frames), and
returns a module from waves (batch, samples), at most `margin_frames` longer than the upstream's
window, and the samples of each clip (batch,), all whole frames, to layer 0 (batch, frames, size).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.export.log_mel import inside
from voicegraft.model import ctc
from voicegraft.model.batches import Padded
from voicegraft.model.grafted import GraftedModel
from voicegraft.pipeline import plugins

NEVER = -100.0
"""The log-probability of a label behind the end of its clip."""
LEVEL = 0.1
"""The root mean square of a wave whose own is not known, -20 dBFS."""

Axes = dict[str, tuple[str | int, ...]]
"""Inputs or outputs of a graph by name: for each axis its name, or its size if that is fixed."""


class Waveform(nn.Module):
    """Waves → log-probabilities, as `GraftedModel.emissions` gives them.

    It takes the layers of `model` and changes them: the model cannot be used any more.

    Raises:
        ValueError: if the upstream has no form for padded batches, naming those that have one.
    """

    INPUTS: ClassVar[Axes] = {"input_values": ("batch", "samples"), "input_lengths": ("batch",)}

    def __init__(self, model: GraftedModel):
        super().__init__()
        name = model.description.upstream
        if name not in (names := plugins.names("export.encoders")):
            raise ValueError(
                f"a model on the upstream {name} cannot be exported: it has no form for padded "
                f"batches; upstreams that have one: {', '.join(names)}"
            )
        self.model = model
        self.margin = round(model.description.margin_seconds * model.upstream.sample_rate)
        margin_frames = -(-self.margin // model.upstream.frame_samples)
        plugin = plugins.load("export.encoders", name)
        self.stem = plugin.padded(model.upstream, margin_frames)
        blank = torch.full((len(model.labels),), NEVER)
        blank[ctc.BLANK] = 0.0
        self.register_buffer("blank", blank)

    @property
    def OUTPUTS(self) -> Axes:  # noqa: N802 - a constant of every other graph
        """The outputs and their axes."""
        if self.model.description.pooling:
            return {"logprobs": ("batch", len(self.model.labels))}
        return {"logprobs": ("batch", "frames", len(self.model.labels)), "frames": ("batch",)}

    def forward(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Return log-probabilities, (batch, frames, labels), and the frames of each clip, (batch,).

        Behind a clip the blank is sure. A classifier has (batch, labels), and only that.

        Args:
            waves: float32, (batch, samples).
            lengths: the samples of each clip, (batch,).
        """
        states, head = Padded(*self._states(waves, lengths)), self.model.head
        if self.model.description.pooling:
            return (head.classify(head.pooling(states)),)
        emissions = head(states)
        mask = inside(emissions.lengths, emissions.values.shape[1])[..., None]
        return torch.where(mask, emissions.values, self.blank), emissions.lengths

    def _states(self, waves: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the head, (batch, frames, size), and the frames of each clip."""
        upstream, layers = self.model.upstream, self.model.description.layers
        step = upstream.frame_samples
        frames = ((lengths + self.margin).clamp(max=upstream.max_samples) + step - 1) // step
        frames = frames.clamp(min=1)
        most = (waves.shape[1] + self.margin + step - 1) // step
        windows = waves * inside(lengths, waves.shape[1])
        windows = F.pad(windows, (0, self.margin + step)).narrow(1, 0, most * step)
        states = self.stem(windows, frames * step)
        mask = inside(frames, states.shape[1])
        found = {0: states}
        for layer, block in enumerate(upstream.blocks[: layers[-1]], 1):
            states = block(states, mask)
            found[layer] = upstream.norm(states) if layer == len(upstream.blocks) else states
        return self._mixed([found[layer] for layer in layers]), frames

    def _mixed(self, states: list[Tensor]) -> Tensor:
        """Return the states of the input layers as one, (batch, frames, size)."""
        if self.model.mix is None:
            return states[0]
        stacked = torch.stack(states, 2)
        return self.model.mix(stacked.flatten(0, 1)).unflatten(0, stacked.shape[:2])


class Levelled(nn.Module):
    """Waves of one length at any level → log-probabilities: for readers that normalise waves.

    The level that the speaker had is lost by then: each clip is brought to `LEVEL`.
    """

    INPUTS: ClassVar[Axes] = {"x": ("batch", "samples")}

    def __init__(self, waveform: Waveform):
        super().__init__()
        self.waveform = waveform

    @property
    def OUTPUTS(self) -> Axes:  # noqa: N802 - see Waveform
        """The outputs and their axes."""
        return {"logprobs": self.waveform.OUTPUTS["logprobs"]}

    def forward(self, waves: Tensor) -> Tensor:
        """Return log-probabilities, (batch, frames, labels), of waves (batch, samples)."""
        lengths = waves.new_full((waves.shape[0],), waves.shape[1], dtype=torch.long)
        return self.waveform(levelled(waves), lengths)[0]


def levelled(waves: Tensor) -> Tensor:
    """Return waves, (…, samples), with the root mean square `LEVEL`; silence stays silence."""
    return waves * (LEVEL / waves.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-6))


@contextmanager
def always_masked() -> Iterator[None]:
    """Give every batch a mask while the block runs.

    `Padded.mask` is None where nothing is padded. A graph is one for all lengths, and cannot ask.
    """
    own = Padded.mask
    Padded.mask = property(lambda batch: inside(batch.lengths, batch.values.shape[1]))
    try:
        yield
    finally:
        Padded.mask = own
