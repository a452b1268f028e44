"""Whisper's files: where the tensors of its encoder and of its text decoder are.

Both have blocks of the same make; those of the decoder also attend to the encoder's states.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from voicegraft.model.formats import (
    Names,
    WeightsError,
    read_ctranslate2,
    read_json,
    read_safetensors,
)

WEIGHTS = ("model.safetensors", "model.bin")
"""As transformers stores them, and as CTranslate2 does."""

IN_CTRANSLATE2 = {
    "attention_norm": "self_attention/layer_norm",
    "qkv": "self_attention/linear_0",
    "out": "self_attention/linear_1",
    "cross_norm": "attention/layer_norm",
    "cross_query": "attention/linear_0",
    "cross_kv": "attention/linear_1",
    "cross_out": "attention/linear_2",
    "mlp_norm": "ffn/layer_norm",
    "up": "ffn/linear_0",
    "down": "ffn/linear_1",
}
IN_TRANSFORMERS = {
    "attention_norm": "self_attn_layer_norm",
    "out": "self_attn.out_proj",
    "cross_norm": "encoder_attn_layer_norm",
    "cross_query": "encoder_attn.q_proj",
    "cross_out": "encoder_attn.out_proj",
    "mlp_norm": "final_layer_norm",
    "up": "fc1",
    "down": "fc2",
}
JOINED = {"qkv": ("self_attn", "qkv"), "cross_kv": ("encoder_attn", "kv")}
"""Transformers has a layer each for queries, keys and values."""


def weights(folder: Path) -> Path:
    """Return the file of weights in a folder.

    Raises:
        WeightsError: if there is none.
    """
    for path in (folder / name for name in WEIGHTS):
        if path.is_file():
            return path
    raise WeightsError(f"{folder} has none of {list(WEIGHTS)}")


def read(path: Path, part: str) -> dict[str, Tensor]:
    """Return the tensors of the encoder or of the decoder, by their names within that part."""
    if _is_safe(path):
        return read_safetensors(path, (f"model.{part}.", f"{part}."))
    variables = read_ctranslate2(path, f"{part}/")
    return {k.removeprefix(f"{part}/"): torch.from_numpy(v.copy()) for k, v in variables.items()}


def heads(path: Path, part: str, stored: Mapping[str, Tensor]) -> int:
    """Return how many heads the attention of that part has."""
    if _is_safe(path):  # shapes do not show it
        return int(read_json(path.parent / "config.json")[f"{part}_attention_heads"])
    return int(stored["num_heads"])


def names(path: Path, stored: Collection[str], layers: Collection[str]) -> Names:
    """Return the stored names that make up each tensor of ours.

    Args:
        path: the file of weights.
        stored: the names of a part's tensors.
        layers: the layers outside of the blocks, which have the same name in both kinds of file.
    """
    pairs = {layer: layer for layer in layers} | {"norm": "layer_norm"}
    if _is_safe(path):
        return _in_transformers(stored, pairs)
    return _in_ctranslate2(stored, pairs)


def _is_safe(path: Path) -> bool:
    return path.suffix == ".safetensors"


def _in_ctranslate2(stored: Collection[str], pairs: dict[str, str]) -> Names:
    for k in range(sum(name.endswith("ffn/linear_0/weight") for name in stored)):
        pairs |= {
            f"blocks.{k}.{ours}": f"layer_{k}/{theirs}"
            for ours, theirs in IN_CTRANSLATE2.items()
            if _has(stored, f"layer_{k}/{theirs}/")
        }
    found: Names = {"positions": ("position_encodings/encodings",)}
    for ours, theirs in pairs.items():
        weight, bias = ("gamma", "beta") if theirs.endswith("norm") else ("weight", "bias")
        found |= {f"{ours}.weight": (f"{theirs}/{weight}",), f"{ours}.bias": (f"{theirs}/{bias}",)}
    return found


def _in_transformers(stored: Collection[str], pairs: dict[str, str]) -> Names:
    found: Names = {"positions": ("embed_positions.weight",)}
    for k in range(sum(name.endswith("fc1.weight") for name in stored)):
        pairs |= {
            f"blocks.{k}.{ours}": f"layers.{k}.{theirs}"
            for ours, theirs in IN_TRANSFORMERS.items()
            if _has(stored, f"layers.{k}.{theirs}.")
        }
        for ours, (layer, kinds) in JOINED.items():
            parts = [f"layers.{k}.{layer}.{kind}_proj" for kind in kinds]
            if _has(stored, f"layers.{k}.{layer}."):
                found[f"blocks.{k}.{ours}.weight"] = tuple(f"{part}.weight" for part in parts)
                # Keys have no bias.
                biases = (None if part.endswith("k_proj") else f"{part}.bias" for part in parts)
                found[f"blocks.{k}.{ours}.bias"] = tuple(biases)
    for ours, theirs in pairs.items():
        found |= {f"{ours}.{kind}": (f"{theirs}.{kind}",) for kind in ("weight", "bias")}
    return found


def _has(stored: Collection[str], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in stored)
