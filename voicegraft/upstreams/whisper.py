"""Whisper's encoder (Radford et al. 2022, https://arxiv.org/abs/2212.04356), at any length.

The network of openai/whisper `model.py`, of any size, read from files of transformers or of
CTranslate2. Two things differ from the usual use: a clip is not padded to 30 s, and its log-mel is
clamped to its own maximum, so that its states do not depend on the batch or the window.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model import whisper
from voicegraft.model.batches import Padded, Ragged, join
from voicegraft.model.formats import Names, WeightsError, assembled
from voicegraft.model.log_mel import HOP_SAMPLES, SAMPLE_RATE, LogMelSpectrogram
from voicegraft.model.transformer import NormFirstBlock, joined
from voicegraft.model.upstream import Upstream

FRAME_SAMPLES = 2 * HOP_SAMPLES  # the second convolution halves the rate: 50 frames per second
TINY = {"bins": 80, "size": 32, "heads": 2, "blocks": 2, "positions": 1500}


class Block(NormFirstBlock):
    """A block over clips end to end."""

    def forward(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Map (frames of all clips, size) to the same; the clips have `lengths`."""
        return self.fed_forward(states + self.attention(self.attention_norm(states), lengths))

    def attention(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Let each frame attend to all frames of its clip."""
        clips = self.qkv(states).split(lengths)
        mixed = [F.scaled_dot_product_attention(*self.by_head(clip[None], 3)) for clip in clips]
        return self.out(torch.cat([joined(clip)[0] for clip in mixed]))


class WhisperEncoder(Upstream):
    """Whisper's encoder: log-mel, two convolutions, positions, blocks, norm."""

    sample_rate = SAMPLE_RATE
    frame_samples = FRAME_SAMPLES

    def __init__(self, bins: int, size: int, heads: int, blocks: int, positions: int):
        super().__init__()
        self.config = dict(bins=bins, size=size, heads=heads, blocks=blocks, positions=positions)
        self.size, self.max_samples = size, positions * FRAME_SAMPLES
        self.conv1 = nn.Conv1d(bins, size, 3, padding=1)
        self.conv2 = nn.Conv1d(size, size, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.randn(positions, size) / 10)
        self.blocks = nn.ModuleList(Block(size, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(size)
        self.spectrogram = LogMelSpectrogram(bins)

    def stem_modules(self) -> list[nn.Module]:
        """See `Upstream`; the positions are fixed sinusoids."""
        return [self.conv1, self.conv2]

    def features(self, wave: Tensor) -> Tensor:
        """Return the log-mel spectrogram (steps, bins), scaled as in Whisper."""
        return (self.spectrogram(wave) + 4) / 4

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0: two convolutions, the second of which halves the rate, and positions."""
        # Features are padded with zeros, as the convolution pads a single clip; the frames of the
        # second one, of stride 2, end at the clip's last step.
        hidden = F.gelu(self.conv1(features.padded().values.mT))
        states = F.gelu(self.conv2(hidden)).mT
        placed = states + self.positions[: states.shape[1]]
        return join(Padded(placed, features.lengths // 2).clips())


def build(config: dict[str, int]) -> WhisperEncoder:
    """Return the encoder with random weights."""
    return WhisperEncoder(**config)


def load(folder: Path) -> WhisperEncoder:
    """Return the encoder of a Whisper of any size, as transformers stores it or CTranslate2.

    Raises:
        WeightsError: if `folder` has no such model, naming the first tensor that does not fit.
    """
    path = whisper.weights(folder)
    stored = whisper.read(path, "encoder")
    names = whisper.names(path, stored, ("conv1", "conv2"))
    try:
        encoder = build(_config(stored, names, whisper.heads(path, "encoder", stored)))
        encoder.load_state_dict(assembled(encoder.state_dict(), names, stored))
    except KeyError as error:
        raise WeightsError(f"{path} is not a Whisper: it has no {error}") from None
    except ValueError as error:
        raise WeightsError(f"{path} is not a Whisper: {error}") from None
    return encoder


def _config(stored: dict[str, Tensor], names: Names, heads: int) -> dict[str, int]:
    size, bins, _ = stored[names["conv1.weight"][0]].shape
    positions, _ = stored[names["positions"][0]].shape
    blocks = sum(name.endswith("up.weight") for name in names)
    return dict(bins=bins, size=size, heads=heads, blocks=blocks, positions=positions)
