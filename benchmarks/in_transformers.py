"""Our Whisper as transformers knows it: the same weights under their names."""

from pathlib import Path

import torch
from torch import Tensor, nn

from voicegraft.model.formats import read_ctranslate2
from voicegraft.model.upstream import Upstream
from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers

from transformers import WhisperConfig, WhisperForConditionalGeneration  # isort: skip
from transformers.models.whisper.modeling_whisper import WhisperEncoder  # isort: skip


def build(ours: Upstream) -> nn.Module:
    """Return transformers' encoder with the weights of ours."""
    config = WhisperConfig(
        num_mel_bins=ours.config["bins"],
        d_model=ours.size,
        encoder_layers=len(ours.blocks),
        encoder_attention_heads=ours.config["heads"],
        encoder_ffn_dim=4 * ours.size,
    )
    theirs = WhisperEncoder(config).eval().requires_grad_(False)
    theirs.load_state_dict(renamed(ours.state_dict(), len(ours.blocks)))
    return theirs


def with_decoder(folder: Path) -> WhisperForConditionalGeneration:
    """Return transformers' whole Whisper with the decoder of CTranslate2's files in `folder`.

    Its encoder has random weights: whoever has encoded outputs needs none.
    """
    found = read_ctranslate2(folder / "model.bin", "decoder/")
    stored = {k.removeprefix("decoder/"): torch.from_numpy(v.copy()) for k, v in found.items()}
    rows, size = stored["embeddings/weight"].shape
    blocks, heads = (
        sum(name.endswith("ffn/linear_0/bias") for name in stored),
        int(stored["num_heads"]),
    )
    config = WhisperConfig(
        vocab_size=rows,
        d_model=size,
        encoder_layers=1,
        encoder_attention_heads=heads,
        decoder_layers=blocks,
        decoder_attention_heads=heads,
        decoder_ffn_dim=4 * size,
        max_target_positions=len(stored["position_encodings/encodings"]),
    )
    theirs = WhisperForConditionalGeneration(config)
    weights = {name: tensor.float() for name, tensor in of_decoder(stored, blocks).items()}
    theirs.model.decoder.load_state_dict(weights)
    return theirs


def of_decoder(stored: dict[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """Return CTranslate2's tensors of a decoder under the names of transformers."""
    theirs = {
        "embed_tokens.weight": stored["embeddings/weight"],
        "embed_positions.weight": stored["position_encodings/encodings"],
    }
    norms, joint, single = {"layer_norm": "layer_norm"}, {}, {}
    for k in range(blocks):
        block, layer = f"layer_{k}", f"layers.{k}"
        norms[f"{block}/self_attention/layer_norm"] = f"{layer}.self_attn_layer_norm"
        norms[f"{block}/attention/layer_norm"] = f"{layer}.encoder_attn_layer_norm"
        norms[f"{block}/ffn/layer_norm"] = f"{layer}.final_layer_norm"
        joint[f"{block}/self_attention/linear_0"] = f"{layer}.self_attn", "qkv"
        joint[f"{block}/attention/linear_0"] = f"{layer}.encoder_attn", "q"
        joint[f"{block}/attention/linear_1"] = f"{layer}.encoder_attn", "kv"
        single[f"{block}/self_attention/linear_1"] = f"{layer}.self_attn.out_proj"
        single[f"{block}/attention/linear_2"] = f"{layer}.encoder_attn.out_proj"
        single[f"{block}/ffn/linear_0"] = f"{layer}.fc1"
        single[f"{block}/ffn/linear_1"] = f"{layer}.fc2"
    for our, their in norms.items():
        theirs[f"{their}.weight"] = stored[f"{our}/gamma"]
        theirs[f"{their}.bias"] = stored[f"{our}/beta"]
    for kind in ("weight", "bias"):
        theirs |= {f"{their}.{kind}": stored[f"{our}/{kind}"] for our, their in single.items()}
        for our, (their, parts) in joint.items():
            for part, tensor in zip(parts, stored[f"{our}/{kind}"].chunk(len(parts)), strict=True):
                if (part, kind) != ("k", "bias"):  # Whisper has none
                    theirs[f"{their}.{part}_proj.{kind}"] = tensor
    return theirs


def renamed(ours: dict[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """Return our tensors under the names of transformers."""
    theirs = {"embed_positions.weight": ours["positions"]}
    pairs = {"conv1": "conv1", "conv2": "conv2", "norm": "layer_norm"}
    for k in range(blocks):
        pairs |= {
            f"blocks.{k}.attention_norm": f"layers.{k}.self_attn_layer_norm",
            f"blocks.{k}.out": f"layers.{k}.self_attn.out_proj",
            f"blocks.{k}.mlp_norm": f"layers.{k}.final_layer_norm",
            f"blocks.{k}.up": f"layers.{k}.fc1",
            f"blocks.{k}.down": f"layers.{k}.fc2",
        }
        for kind in ("weight", "bias"):
            split = ours[f"blocks.{k}.qkv.{kind}"].chunk(3)
            for name, tensor in zip("qkv", split, strict=True):
                theirs[f"layers.{k}.self_attn.{name}_proj.{kind}"] = tensor
        assert not theirs.pop(f"layers.{k}.self_attn.k_proj.bias").any()  # Whisper has none
    for our, their in pairs.items():
        theirs |= {f"{their}.{kind}": ours[f"{our}.{kind}"] for kind in ("weight", "bias")}
    return theirs
