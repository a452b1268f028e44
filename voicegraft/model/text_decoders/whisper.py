"""Whisper's text decoder, from the files that its encoder is read from.

A Whisper of many languages is told which one to write. That is the one that it hears itself, the
likeliest by all clips that it is shown: a language that it does not know is taken for the nearest.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from voicegraft.model.attention import Attention, AttentionDecoder
from voicegraft.model.batches import Padded
from voicegraft.model.formats import (
    Names,
    WeightsError,
    assembled,
    read_ctranslate2,
    read_json,
    read_safetensors,
)
from voicegraft.model.tokens import spellable

START, TASK, BARE = "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>"
END = "<|endoftext|>"
LANGUAGE = re.compile(r"<\|[a-z]{2,3}\|>")
WEIGHTS = ("model.safetensors", "model.bin")


def load(folder: Path, labels: Sequence[str], encoded: Padded) -> AttentionDecoder:
    """See the contract, voicegraft.model.attention."""
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise WeightsError(f"{folder} has none of {list(WEIGHTS)}")
    ids = _ids(folder)
    stored, names = _read(path)
    languages = [token for token in ids if LANGUAGE.fullmatch(token)]
    task = [TASK] if languages else []
    if languages:
        language = _likeliest(_built(stored, names, ids, [START], languages, path), encoded)
        print(f"attention: Whisper is told that this is {language}", file=sys.stderr)
        languages = [language]
    tokens = spellable({t: n for t, n in ids.items() if n < ids[END]}, labels)
    return _built(stored, names, ids, [START, *languages, *task, BARE], tokens, path)


def _ids(folder: Path) -> dict[str, int]:
    """Return the number of each token, special ones too."""
    found = read_json(folder / "tokenizer.json")
    try:
        special = {token["content"]: token["id"] for token in found["added_tokens"]}
        ids = found["model"]["vocab"] | special
        return ids if ids.keys() >= {START, END, BARE} else _refuse(folder)
    except (KeyError, TypeError):
        return _refuse(folder)


def _refuse(folder: Path) -> dict[str, int]:
    raise WeightsError(f"{folder / 'tokenizer.json'} is not the tokenizer of a Whisper")


def _likeliest(decoder: AttentionDecoder, encoded: Padded) -> str:
    """Return the token, a language, that is likeliest by all clips together."""
    start = torch.tensor([decoder.prompt] * len(encoded.lengths))
    with torch.inference_mode():
        scores = decoder.log_probabilities(start, decoder.listen(encoded))[:, 0, 1:]
    return decoder.tokens.pieces[int(scores.sum(0).argmax())]


def _built(
    stored: Mapping[str, Tensor],
    names: Names,
    ids: Mapping[str, int],
    prompt: list[str],
    tokens: list[str],
    path: Path,
) -> AttentionDecoder:
    """Return the decoder that writes `tokens` after `prompt`."""
    positions, size = stored[names["positions"][0]].shape
    heads = stored["num_heads"] if "num_heads" in stored else _heads(path)
    blocks = sum(name.endswith("mlp_norm.weight") for name in names)
    sizes = dict(size=size, heads=int(heads), blocks=blocks, positions=positions)
    decoder = AttentionDecoder(Attention(**sizes, prompt=prompt, tokens=" ".join(tokens)))
    embedding = names["embedding"][0]
    rows = stored[embedding][[ids[END], *(ids[token] for token in (*tokens, *prompt))]]
    try:
        weights = assembled(decoder.state_dict(), names, {**stored, embedding: rows})
    except ValueError as error:
        raise WeightsError(f"{path} is not a Whisper: {error}") from None
    decoder.load_state_dict(weights)
    return decoder.eval()


def _heads(path: Path) -> int:
    return int(read_json(path.parent / "config.json")["decoder_attention_heads"])


def _read(path: Path) -> tuple[dict[str, Tensor], Names]:
    """Return the decoder's tensors, and those that make up each of ours."""
    if path.suffix == ".safetensors":
        stored = read_safetensors(path, ("model.decoder.", "decoder."))
        return stored, _names_in_transformers(stored)
    variables = read_ctranslate2(path, "decoder/")
    stored = {k.removeprefix("decoder/"): torch.from_numpy(v.copy()) for k, v in variables.items()}
    return stored, _names_in_ctranslate2(stored)


def _names_in_ctranslate2(stored: Mapping[str, Tensor]) -> Names:
    pairs = {"norm": "layer_norm"}
    for k in range(sum(name.endswith("ffn/linear_0/weight") for name in stored)):
        block, theirs = f"blocks.{k}", f"layer_{k}"
        pairs |= {
            f"{block}.attention_norm": f"{theirs}/self_attention/layer_norm",
            f"{block}.qkv": f"{theirs}/self_attention/linear_0",
            f"{block}.out": f"{theirs}/self_attention/linear_1",
            f"{block}.cross_norm": f"{theirs}/attention/layer_norm",
            f"{block}.cross_query": f"{theirs}/attention/linear_0",
            f"{block}.cross_kv": f"{theirs}/attention/linear_1",
            f"{block}.cross_out": f"{theirs}/attention/linear_2",
            f"{block}.mlp_norm": f"{theirs}/ffn/layer_norm",
            f"{block}.up": f"{theirs}/ffn/linear_0",
            f"{block}.down": f"{theirs}/ffn/linear_1",
        }
    names = {"embedding": ("embeddings/weight",), "positions": ("position_encodings/encodings",)}
    for ours, theirs in pairs.items():
        weight, bias = ("gamma", "beta") if theirs.endswith("norm") else ("weight", "bias")
        names |= {f"{ours}.weight": (f"{theirs}/{weight}",), f"{ours}.bias": (f"{theirs}/{bias}",)}
    return names


def _names_in_transformers(stored: Mapping[str, Tensor]) -> Names:
    pairs = {"norm": "layer_norm"}
    names: dict[str, tuple[str | None, ...]] = {"embedding": ("embed_tokens.weight",)}
    names["positions"] = ("embed_positions.weight",)
    for k in range(sum(name.endswith("fc1.weight") for name in stored)):
        block, theirs = f"blocks.{k}", f"layers.{k}"
        pairs |= {
            f"{block}.attention_norm": f"{theirs}.self_attn_layer_norm",
            f"{block}.out": f"{theirs}.self_attn.out_proj",
            f"{block}.cross_norm": f"{theirs}.encoder_attn_layer_norm",
            f"{block}.cross_query": f"{theirs}.encoder_attn.q_proj",
            f"{block}.cross_out": f"{theirs}.encoder_attn.out_proj",
            f"{block}.mlp_norm": f"{theirs}.final_layer_norm",
            f"{block}.up": f"{theirs}.fc1",
            f"{block}.down": f"{theirs}.fc2",
        }
        for ours, layer, kinds in (("qkv", "self_attn", "qkv"), ("cross_kv", "encoder_attn", "kv")):
            parts = [f"{theirs}.{layer}.{kind}_proj" for kind in kinds]
            names[f"{block}.{ours}.weight"] = tuple(f"{part}.weight" for part in parts)
            # Keys have no bias.
            biases = (None if part.endswith("k_proj") else f"{part}.bias" for part in parts)
            names[f"{block}.{ours}.bias"] = tuple(biases)
    for ours, theirs in pairs.items():
        names |= {f"{ours}.{kind}": (f"{theirs}.{kind}",) for kind in ("weight", "bias")}
    return names
