"""Clips of different lengths in one tensor: padded with a mask, or end to end.

Modules that treat frames separately (linear layers, norms) run over all frames at once. Modules
that relate the frames of a clip (attention) take the clips one by one, and need no mask.
FlashAttention calls the layout variable-length (Dao 2023, https://arxiv.org/abs/2307.08691).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Padded:
    """A batch: `values` of shape (batch, frames, size), `lengths` of shape (batch,) on the CPU."""

    values: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor | None:
        """True for frames of a clip, shape (batch, frames); None if there is no padding."""
        frames = self.values.shape[1]
        if bool((self.lengths == frames).all()):
            return None
        return (torch.arange(frames) < self.lengths[:, None]).to(self.values.device)

    def with_values(self, values: Tensor) -> "Padded":
        """Return a batch of the same lengths with other values, (batch, frames, size)."""
        return Padded(values, self.lengths)

    def zeroed(self) -> "Padded":
        """Return the batch with zeros in the padding."""
        mask = self.mask
        return self if mask is None else self.with_values(self.values * mask[..., None])

    def normalised(self) -> "Padded":
        """Normalise each clip to mean 0 and deviation 1 in every dimension, over its own frames."""
        mask = self.mask
        weights = torch.ones_like(self.values[..., :1]) if mask is None else mask[..., None].float()
        frames = weights.sum(1, keepdim=True)
        centred = self.values - (self.values * weights).sum(1, keepdim=True) / frames
        variance = (centred.square() * weights).sum(1, keepdim=True) / frames
        return self.with_values(centred / (variance + 1e-5).sqrt())

    def clips(self) -> list[Tensor]:
        """Return each clip without its padding, shape (frames, size)."""
        return [v[:n] for v, n in zip(self.values, self.lengths.tolist(), strict=True)]


def pad(clips: Sequence[Tensor]) -> Padded:
    """Return `clips`, each of shape (frames, size), as one batch padded with zeros."""
    lengths = torch.tensor([len(clip) for clip in clips])
    return Padded(torch.nn.utils.rnn.pad_sequence(list(clips), batch_first=True), lengths)


@dataclass(frozen=True)
class Ragged:
    """A batch: `values` of shape (frames of all clips, size), `lengths` of shape (batch,)."""

    values: Tensor
    lengths: Tensor
    """On the CPU."""

    def with_values(self, values: Tensor) -> "Ragged":
        """Return a batch of the same lengths with other values, (frames of all clips, size)."""
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


def batches_by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return indices in batches, shortest clips first; no batch exceeds `budget` once padded.

    A batch costs its longest clip times its size, in the units of `lengths`. A clip longer than the
    budget is a batch alone. Ties keep their order, so the batches are deterministic.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batches and lengths[index] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
