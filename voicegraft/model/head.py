"""The contract of a head: what is trained on top of the upstream's states.

A head is a file of voicegraft/heads, named in params.yaml, with

    build(size, labels) -> Head

where `size` is that of a frame of the upstream and `labels` how many symbols there are, the CTC
blank being the first. What only one head needs to know is a constant at the top of its file.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import nn

from voicegraft.model import ctc
from voicegraft.model.batches import Padded
from voicegraft.model.layers import Layer
from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import Utterance


class HeadChoice(Section):
    """Which head, on which layer or layers."""

    name: str
    layer: Layer

    def described(self, train: Sequence[Utterance]) -> dict[str, Any]:
        """Return what a `Description` holds of the head, whose labels are of `train`."""
        return {"head": self.name, "labels": ctc.labels_of(clip.text for clip in train)}


class Head(nn.Module, ABC):
    """States of the upstream → log-probabilities of labels; the same alone or in any batch."""

    subsampling: int
    """Frames of the upstream for one of the head."""

    @abstractmethod
    def forward(self, states: Padded) -> Padded:
        """Map (batch, frames, size) to log-probabilities (batch, frames / subsampling, labels)."""

    def frames_out(self, frames: int) -> int:
        """Return how many frames the head makes of so many."""
        return -(-frames // self.subsampling)


def names() -> list[str]:
    """Return the heads in voicegraft/heads."""
    return plugins.names("heads")


def build(name: str, size: int, labels: int) -> Head:
    """Return the head of that name, with random weights from torch's generator.

    Raises:
        ValueError: naming the heads that are here.
    """
    if name not in names():
        raise ValueError(f"head.name: {name!r} is not in voicegraft/heads: {names()}")
    return plugins.load("heads", name).build(size, labels)
