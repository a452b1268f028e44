"""Clips of several lengths end to end in one tensor: nothing is padded, so nothing is wasted.

What treats each frame by itself (a linear layer, a norm) runs over all of them at once; what
relates the frames of a clip (attention) takes the clips one by one, and no mask is needed. The
layout that FlashAttention calls variable-length (Dao 2023, https://arxiv.org/abs/2307.08691).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from voicegraft.padding import Padded, pad


@dataclass(frozen=True)
class Ragged:
    """A batch: `values` of shape (frames of all clips, size), `lengths` of shape (batch,)."""

    values: Tensor
    lengths: Tensor
    """On the CPU."""

    def with_values(self, values: Tensor) -> "Ragged":
        """Return other values, of shape (frames of all clips, size), for the same clips."""
        return Ragged(values, self.lengths)

    def clips(self) -> tuple[Tensor, ...]:
        """Return each clip, shape (frames, size)."""
        return self.values.split(self.lengths.tolist())

    def padded(self) -> Padded:
        """Return the clips padded with zeros, shape (batch, frames, size)."""
        return pad(self.clips())


def join(clips: Sequence[Tensor]) -> Ragged:
    """Return `clips`, each of shape (frames, size), end to end."""
    return Ragged(torch.cat(list(clips)), torch.tensor([len(clip) for clip in clips]))
