"""Mel-frequency cepstral coefficients on padded batches."""

from torch import Tensor

from voicegraft.export.encoders.log_mel import PaddedFrames
from voicegraft.upstreams.mfcc import Mfcc


class PaddedCoefficients(PaddedFrames):
    """See the contract."""

    def __init__(self, upstream: Mfcc):
        super().__init__(upstream)
        self.cosines = upstream.cosines

    def forward(self, waves: Tensor, samples: Tensor) -> Tensor:
        """Return layer 0, (batch, frames, size)."""
        coefficients = self.log_mel(waves, samples) @ self.cosines
        return coefficients.reshape(waves.shape[0], -1, self.size)


def padded(upstream: Mfcc, margin_frames: int) -> PaddedCoefficients:  # noqa: ARG001
    """See the contract."""
    return PaddedCoefficients(upstream)
