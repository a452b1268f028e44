"""Masking as augmentation: SpecAugment (Park et al. 2019, https://arxiv.org/abs/1904.08779).

It serves log-mel features and stored states alike, so a cached trunk is augmented too. What is
masked takes the clip's own mean, which is what the next layer expects to see least news in.
"""

import torch
from pydantic import Field, NonNegativeInt
from torch import Tensor

from voicegraft.params import Section
from voicegraft.torchaudio_on_cpu import torchaudio


class Masking(Section):
    """Knobs of the section `masking`; all zero masks nothing."""

    time_masks_per_second: float = Field(ge=0, le=10)
    time_mask_frames: NonNegativeInt
    """The longest mask, in frames of what is masked."""
    size_masks: NonNegativeInt
    size_mask_share: float = Field(ge=0, le=1)
    """The widest mask, as a share of a frame's numbers."""


def mask(clip: Tensor, seconds: float, masking: Masking) -> Tensor:
    """Return `clip`, (frames, size) of `seconds`, with spans of frames and dimensions hidden.

    Of (frames, layers, size) the same are hidden in every layer, or one would tell the other's.
    Draws from torch's global generator, as torchaudio's masks do.
    """
    frames, size = len(clip), clip.shape[-1]
    heard, seen = torch.ones(1, 1, frames), torch.ones(1, size, 1)
    hide = torchaudio.functional.mask_along_axis
    for _ in range(round(masking.time_masks_per_second * seconds)):
        heard = hide(heard, masking.time_mask_frames, 0.0, axis=2, p=1.0)
    for _ in range(masking.size_masks):
        seen = hide(seen, round(masking.size_mask_share * size), 0.0, axis=1, p=1.0)
    kept = (heard * seen)[0].T.bool()
    return torch.where(kept if clip.ndim == 2 else kept[:, None], clip, clip.mean(0))
