"""The contract of an upstream: a pretrained encoder, frozen at first.

An upstream is a file of voicegraft/upstreams, named in params.yaml, with

    load(folder) -> Upstream                pretrained, from the files that were fetched
    build(config) -> Upstream               the same network with random weights
    TINY: Config                            one small enough for a test

Where its weights are is in a file of the same name in voicegraft/checkpoints.

A control is an upstream that was never trained: it is listed under transfer.controls, has no
weights to fetch, and in place of `load` it has

    beside(name, upstream) -> Config        of the control that stands beside that upstream

Layer 0 is what the stem makes of the audio, layer k the output of block k, and the last layer
also passes the closing norm: it is what the model hands on.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from types import ModuleType

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from voicegraft.model.batches import Ragged, join
from voicegraft.pipeline import plugins

Config = dict[str, JsonValue]
"""All that must be known to build a network again."""


class Upstream(nn.Module, ABC):
    """A pretrained encoder: audio → features → stem → blocks → norm.

    A clip's states are the same alone or in any batch (to 1e-3, or 1e-5 of their norm where that
    is more): no frame hears another clip's, and whatever is normalised is normalised over the clip,
    never over the batch.
    """

    sample_rate: int
    frame_samples: int
    """Samples from one frame to the next."""
    max_samples: int
    """The longest window that the model was trained on."""
    size: int
    """Numbers in a frame."""
    config: Config
    """What `build` needs to make this network again."""
    blocks: nn.ModuleList
    """What can be unfrozen, in order: each maps (frames of all clips, size) and the lengths of the
    clips to (frames of all clips, size)."""
    norm: nn.Module
    """Closes the last layer; unfrozen with the last block."""

    @property
    def device(self) -> torch.device:
        """Where the weights are, or the filters of one that has none."""
        return next(chain(self.parameters(), self.buffers())).device

    @abstractmethod
    def features(self, wave: Tensor) -> Tensor:
        """Return what the stem takes, (steps, bins), for a wave of shape (samples,).

        Has no weights. The wave is a whole number of frames.
        """

    @abstractmethod
    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0, (frames of all clips, size), for features (steps of all clips, bins)."""

    @abstractmethod
    def stem_modules(self) -> list[nn.Module]:
        """Return what learns together with the first block."""

    def window(self, wave: Tensor, margin_seconds: float) -> Tensor:
        """Return the wave with silence behind it, to a whole number of frames.

        Raises:
            ValueError: if the wave alone is longer than the model's window.
        """
        if len(wave) > self.max_samples:
            seconds, limit = len(wave) / self.sample_rate, self.max_samples / self.sample_rate
            raise ValueError(f"a clip of {seconds:.1f} s; the upstream takes {limit:.0f} s at most")
        frames = self.frames(len(wave), margin_seconds)
        return nn.functional.pad(wave, (0, frames * self.frame_samples - len(wave)))

    def frames(self, samples: int, margin_seconds: float) -> int:
        """Return how many frames a clip of so many samples has, with silence behind it."""
        wanted = min(samples + round(margin_seconds * self.sample_rate), self.max_samples)
        return max(1, -(-wanted // self.frame_samples))

    def silence_frames(self, margin_seconds: float) -> int:
        """Return how many of them are that silence."""
        return round(margin_seconds * self.sample_rate / self.frame_samples)

    def above(self, states: Ragged, start: int, layers: Sequence[int]) -> dict[int, Ragged]:
        """Return the states of `layers`, given those of layer `start`."""
        found = {start: states} if start in layers else {}
        lengths = states.lengths.tolist()
        for layer, block in enumerate(self.blocks[start : max(layers)], start + 1):
            states = states.with_values(block(states.values, lengths))
            if layer == len(self.blocks):
                states = states.with_values(self.norm(states.values))
            if layer in layers:
                found[layer] = states
        return found

    def encode(self, windows: Sequence[Tensor], layers: Sequence[int]) -> dict[int, Ragged]:
        """Return the states of `layers` for waves that passed through `window`."""
        return self.above(self.stem(join([self.features(w) for w in windows])), 0, layers)


def names() -> list[str]:
    """Return the upstreams in voicegraft/upstreams."""
    return plugins.names("upstreams")


def plugin(name: str) -> ModuleType:
    """Return the upstream's module.

    Raises:
        ValueError: naming those that are here.
    """
    if name not in names():
        raise ValueError(f"upstream.name: {name!r} is not in voicegraft/upstreams: {names()}")
    return plugins.load("upstreams", name)


def is_control(name: str) -> bool:
    """Return whether the upstream of that name was never trained.

    Raises:
        ValueError: naming the upstreams that are here.
    """
    return hasattr(plugin(name), "beside")
