"""Whisper's encoder on padded batches: attention leaves the frames behind a clip aside."""

from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.export.log_mel import PaddedLogMel, inside
from voicegraft.model.log_mel import HOP_SAMPLES
from voicegraft.model.transformer import joined
from voicegraft.upstreams.whisper import Block, WhisperEncoder


class PaddedBlock(Block):
    """The same block for (batch, frames, size) and a mask, (batch, frames), in place of lengths."""

    def attention(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Let each frame attend to all frames of its clip."""
        query, key, value = self.by_head(self.qkv(states), 3)
        mixed = F.scaled_dot_product_attention(query, key, value, lengths[:, None, None])
        return self.out(joined(mixed))


class PaddedWhisper(nn.Module):
    """See the contract."""

    def __init__(self, upstream: WhisperEncoder, margin_frames: int):
        super().__init__()
        self.upstream, self.log_mel = upstream, PaddedLogMel(upstream.spectrogram)
        # A batch's longest clip is padded by its margin, even where that exceeds the window.
        positions = F.pad(upstream.positions, (0, 0, 0, margin_frames))
        self.register_buffer("positions", positions)

    def forward(self, waves: Tensor, samples: Tensor) -> Tensor:
        """Return layer 0, (batch, frames, size)."""
        log_mel = (self.log_mel(waves, samples) + 4) / 4
        features = log_mel * inside(samples // HOP_SAMPLES, log_mel.shape[1])[..., None]
        hidden = F.gelu(self.upstream.conv1(features.mT))
        states = F.gelu(self.upstream.conv2(hidden)).mT
        return states + self.positions[: states.shape[1]]


def padded(upstream: WhisperEncoder, margin_frames: int) -> PaddedWhisper:
    """See the contract."""
    for block in upstream.blocks:
        block.__class__ = PaddedBlock
    return PaddedWhisper(upstream, margin_frames)
