"""Whisper's encoder (Radford et al. 2022, https://arxiv.org/abs/2212.04356), at any length.

The network of openai/whisper `model.py`, of any size, read from files of transformers or of
CTranslate2. Two things differ from the usual use: a clip is not padded to 30 s, and its log-mel is
clamped to its own maximum, so that its states do not depend on the batch or the window.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.batches import Padded, Ragged, join
from voicegraft.model.formats import (
    Names,
    WeightsError,
    assembled,
    read_ctranslate2,
    read_json,
    read_safetensors,
)
from voicegraft.model.log_mel import HOP_SAMPLES, SAMPLE_RATE, LogMelSpectrogram
from voicegraft.model.upstream import Upstream

FRAME_SAMPLES = 2 * HOP_SAMPLES  # the second convolution halves the rate: 50 frames per second
WEIGHTS = ("model.safetensors", "model.bin")
TINY = {"bins": 80, "size": 32, "heads": 2, "blocks": 2, "positions": 1500}


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
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise WeightsError(f"{folder} has none of {list(WEIGHTS)}")
    stored = _read(path)
    try:
        names = _names_in_transformers(stored) if _is_safe(path) else _names_in_ctranslate2(stored)
        encoder = build(_config(stored, names, _heads(path, stored)))
        encoder.load_state_dict(assembled(encoder.state_dict(), names, stored))
    except KeyError as error:
        raise WeightsError(f"{path} is not a Whisper: it has no {error}") from None
    except ValueError as error:
        raise WeightsError(f"{path} is not a Whisper: {error}") from None
    return encoder


def _is_safe(path: Path) -> bool:
    return path.suffix == ".safetensors"


def _read(path: Path) -> dict[str, Tensor]:
    """Return the encoder's tensors, by their names within the encoder."""
    if _is_safe(path):
        return read_safetensors(path, ("model.encoder.", "encoder."))
    variables = read_ctranslate2(path, "encoder/")
    return {k.removeprefix("encoder/"): torch.from_numpy(v.copy()) for k, v in variables.items()}


def _heads(path: Path, stored: dict[str, Tensor]) -> int:
    if _is_safe(path):  # shapes do not show it
        return int(read_json(path.parent / "config.json")["encoder_attention_heads"])
    return int(stored["num_heads"])


def _config(stored: dict[str, Tensor], names: Names, heads: int) -> dict[str, int]:
    size, bins, _ = stored[names["conv1.weight"][0]].shape
    positions, _ = stored[names["positions"][0]].shape
    blocks = sum(name.endswith("up.weight") for name in names)
    return dict(bins=bins, size=size, heads=heads, blocks=blocks, positions=positions)


def _names_in_ctranslate2(stored: dict[str, Tensor]) -> Names:
    pairs = {"conv1": "conv1", "conv2": "conv2", "norm": "layer_norm"}
    for k in range(sum(name.endswith("ffn/linear_0/weight") for name in stored)):
        pairs |= {
            f"blocks.{k}.attention_norm": f"layer_{k}/self_attention/layer_norm",
            f"blocks.{k}.qkv": f"layer_{k}/self_attention/linear_0",
            f"blocks.{k}.out": f"layer_{k}/self_attention/linear_1",
            f"blocks.{k}.mlp_norm": f"layer_{k}/ffn/layer_norm",
            f"blocks.{k}.up": f"layer_{k}/ffn/linear_0",
            f"blocks.{k}.down": f"layer_{k}/ffn/linear_1",
        }
    names = {"positions": ("position_encodings/encodings",)}
    for ours, theirs in pairs.items():
        weight, bias = ("gamma", "beta") if theirs.endswith("norm") else ("weight", "bias")
        names |= {f"{ours}.weight": (f"{theirs}/{weight}",), f"{ours}.bias": (f"{theirs}/{bias}",)}
    return names


def _names_in_transformers(stored: dict[str, Tensor]) -> Names:
    pairs = {"conv1": "conv1", "conv2": "conv2", "norm": "layer_norm"}
    names: dict[str, tuple[str | None, ...]] = {"positions": ("embed_positions.weight",)}
    for k in range(sum(name.endswith("fc1.weight") for name in stored)):
        pairs |= {
            f"blocks.{k}.attention_norm": f"layers.{k}.self_attn_layer_norm",
            f"blocks.{k}.out": f"layers.{k}.self_attn.out_proj",
            f"blocks.{k}.mlp_norm": f"layers.{k}.final_layer_norm",
            f"blocks.{k}.up": f"layers.{k}.fc1",
            f"blocks.{k}.down": f"layers.{k}.fc2",
        }
        query, key, value = (f"layers.{k}.self_attn.{name}_proj" for name in "qkv")
        names[f"blocks.{k}.qkv.weight"] = tuple(f"{n}.weight" for n in (query, key, value))
        names[f"blocks.{k}.qkv.bias"] = (f"{query}.bias", None, f"{value}.bias")  # keys have none
    for ours, theirs in pairs.items():
        names |= {f"{ours}.{kind}": (f"{theirs}.{kind}",) for kind in ("weight", "bias")}
    return names
