"""The contract of a head, which is trained on the upstream's states.

A head is a file of voicegraft/heads, named in params.yaml, with

    build(size, labels) -> Head

where `size` is the size of the upstream's frames and `labels` the number of symbols, of which the
CTC blank is the first. Settings of a single head are constants at the top of its file.
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
    """The head and its input layers."""

    name: str
    layer: Layer

    def described(self, train: Sequence[Utterance]) -> dict[str, Any]:
        """Return the fields of a `Description` for this head; the labels are those of `train`."""
        return {"head": self.name, "labels": ctc.labels_of(clip.text for clip in train)}


class Head(nn.Module, ABC):
    """States of the upstream → log-probabilities of labels; the batch does not change them."""

    subsampling: int
    """Number of the upstream's frames for one frame of the head."""

    @abstractmethod
    def forward(self, states: Padded) -> Padded:
        """Map (batch, frames, size) to log-probabilities (batch, frames / subsampling, labels)."""

    def frames_out(self, frames: int) -> int:
        """Return the number of frames that the head emits for `frames` input frames."""
        return -(-frames // self.subsampling)


def names() -> list[str]:
    """Return the heads in voicegraft/heads."""
    return plugins.names("heads")


def build(name: str, size: int, labels: int) -> Head:
    """Return the head of that name, with random weights from torch's generator.

    Raises:
        ValueError: naming the known heads.
    """
    if name not in names():
        raise ValueError(f"head.name: {name!r} is not in voicegraft/heads: {names()}")
    return plugins.load("heads", name).build(size, labels)
