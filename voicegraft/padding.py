"""Clips of several lengths in one tensor, and the mask that keeps them apart."""

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
        """True for frames of a clip, shape (batch, frames); None where nothing is padding."""
        frames = self.values.shape[1]
        if bool((self.lengths == frames).all()):
            return None
        return (torch.arange(frames) < self.lengths[:, None]).to(self.values.device)

    def with_values(self, values: Tensor) -> "Padded":
        """Return other values, of shape (batch, frames, size), for the same clips."""
        return Padded(values, self.lengths)

    def zeroed(self) -> "Padded":
        """Return the batch with zeros for padding."""
        mask = self.mask
        return self if mask is None else self.with_values(self.values * mask[..., None])

    def normalised(self) -> "Padded":
        """Give each clip mean 0 and deviation 1 in every dimension, over its own frames alone."""
        mask = self.mask
        heard = torch.ones_like(self.values[..., :1]) if mask is None else mask[..., None].float()
        frames = heard.sum(1, keepdim=True)
        centred = self.values - (self.values * heard).sum(1, keepdim=True) / frames
        variance = (centred.square() * heard).sum(1, keepdim=True) / frames
        return self.with_values(centred / (variance + 1e-5).sqrt())

    def clips(self) -> list[Tensor]:
        """Return each clip without its padding, shape (frames, size)."""
        return [v[:n] for v, n in zip(self.values, self.lengths.tolist(), strict=True)]


def pad(clips: Sequence[Tensor]) -> Padded:
    """Return `clips`, each of shape (frames, size), as one batch padded with zeros."""
    lengths = torch.tensor([len(clip) for clip in clips])
    return Padded(torch.nn.utils.rnn.pad_sequence(list(clips), batch_first=True), lengths)
