"""The log-mel spectrogram of a padded batch: the one of the model, as a graph can compute it.

A graph has one form for every length, so the spectrum is a convolution with the cosines and sines
of the transform, which every runtime has; each clip is reflected and clamped at its own ends.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.log_mel import FFT_SAMPLES, HOP_SAMPLES, RANGE, LogMelSpectrogram


class PaddedLogMel(nn.Module):
    """What `spectrogram` gives for each clip of a batch."""

    def __init__(self, spectrogram: LogMelSpectrogram):
        super().__init__()
        if spectrogram.edges != "reflect":
            raise ValueError(f"a spectrogram with {spectrogram.edges} edges cannot be exported")
        self.filters = spectrogram.filters
        self.register_buffer("waves", _waves(spectrogram.hann))

    def powers(self, waves: Tensor, samples: Tensor) -> Tensor:
        """Return the power in each mel band, (batch, steps, bins).

        Args:
            waves: (batch, samples), a whole number of steps.
            samples: of each clip, (batch,), a whole number of steps.
        """
        half = FFT_SAMPLES // 2
        last = samples[:, None] - 1
        at = torch.arange(-half, waves.shape[1] + half, device=waves.device).abs()[None]
        at = torch.where(at > last, 2 * last - at, at).clamp(min=0)
        spectrum = F.conv1d(waves.gather(1, at)[:, None], self.waves, stride=HOP_SAMPLES)
        cosines, sines = spectrum[..., :-1].square().chunk(2, 1)
        return (self.filters @ (cosines + sines)).mT

    def forward(self, waves: Tensor, samples: Tensor) -> Tensor:
        """Return powers of ten, (batch, steps, bins), with zeros behind each clip."""
        log_mel = self.powers(waves, samples).clamp(min=1e-10).log10()
        mask = inside(samples // HOP_SAMPLES, log_mel.shape[1])[..., None]
        loudest = log_mel.masked_fill(~mask, -torch.inf).amax((1, 2), keepdim=True)
        return torch.maximum(log_mel, loudest - RANGE)


def inside(lengths: Tensor, most: int) -> Tensor:
    """Return True where a place is in its clip, (batch, most)."""
    return torch.arange(most, device=lengths.device)[None] < lengths[:, None]


def _waves(window: Tensor) -> Tensor:
    """Return windowed cosines, then sines, of all frequencies, (2 × frequencies, 1, samples)."""
    time = torch.arange(FFT_SAMPLES, dtype=torch.float64)
    frequencies = torch.arange(FFT_SAMPLES // 2 + 1, dtype=torch.float64)
    angles = 2 * math.pi / FFT_SAMPLES * ((frequencies[:, None] * time) % FFT_SAMPLES)
    return (torch.cat([angles.cos(), angles.sin()]) * window.double()).float()[:, None]
