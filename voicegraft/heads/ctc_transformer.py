"""The small Transformer of ML-SUPERB (Shi et al. 2023, https://arxiv.org/abs/2305.10615).

Each clip normalised, projected to 80, frames halved, two pre-norm layers, a softmax: the head with
which that benchmark compares upstreams.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.batches import Padded
from voicegraft.model.dropout import Dropout
from voicegraft.model.head import Head

PROJECTION, WIDTH, ATTENTION_HEADS, FEEDFORWARD, LAYERS, DROPOUT = 80, 256, 8, 1024, 2, 0.1


class TransformerHead(Head):
    """A label for every second frame of the upstream."""

    subsampling = 2

    def __init__(self, size: int, labels: int):
        super().__init__()
        self.project = nn.Linear(size, PROJECTION)
        self.halve = nn.Conv1d(PROJECTION, WIDTH, 3, stride=2, padding=1)
        layer = nn.TransformerEncoderLayer(
            WIDTH, ATTENTION_HEADS, FEEDFORWARD, 0.0, batch_first=True, norm_first=True
        )
        # None in the attention, where its numbers grow with the square of the frames.
        layer.dropout = layer.dropout1 = layer.dropout2 = Dropout(DROPOUT)
        self.layers = nn.TransformerEncoder(
            layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.label = nn.Linear(WIDTH, labels)

    def forward(self, states: Padded) -> Padded:
        """See `Head`."""
        projected = states.with_values(self.project(states.normalised().values)).zeroed()
        halved = F.gelu(self.halve(projected.values.mT)).mT
        frames = Padded(halved + positions(halved), -(-states.lengths // 2))
        mask = frames.mask
        mixed = self.layers(frames.values, src_key_padding_mask=None if mask is None else ~mask)
        return frames.with_values(self.label(mixed).log_softmax(-1))


def positions(frames: Tensor) -> Tensor:
    """Return the sinusoids of Vaswani et al. 2017, (frames, size), for (batch, frames, size)."""
    _, count, size = frames.shape
    rates = torch.exp(torch.arange(0, size, 2, device=frames.device) * (-math.log(1e4) / size))
    angles = torch.arange(count, device=frames.device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def build(size: int, labels: int) -> TransformerHead:
    """See the contract."""
    return TransformerHead(size, labels)
