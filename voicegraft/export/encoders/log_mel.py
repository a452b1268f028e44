"""Log-mel frames on padded batches: two steps side by side, and no block."""

from torch import Tensor, nn

from voicegraft.export.log_mel import PaddedLogMel
from voicegraft.model.log_mel import LogMel


class PaddedFrames(nn.Module):
    """See the contract."""

    def __init__(self, upstream: LogMel):
        super().__init__()
        self.size, self.log_mel = upstream.size, PaddedLogMel(upstream.spectrogram)

    def forward(self, waves: Tensor, samples: Tensor) -> Tensor:
        """Return layer 0, (batch, frames, size)."""
        return self.log_mel(waves, samples).reshape(waves.shape[0], -1, self.size)


def padded(upstream: LogMel, margin_frames: int) -> PaddedFrames:  # noqa: ARG001 - any length will do
    """See the contract."""
    return PaddedFrames(upstream)
