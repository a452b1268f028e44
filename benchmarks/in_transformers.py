"""Our Whisper as transformers knows it: the same weights under their names."""

from itertools import product
from pathlib import Path

from torch import Tensor, nn

from voicegraft.model.upstream import Upstream
from voicegraft.model.whisper import IN_CTRANSLATE2, IN_TRANSFORMERS, JOINED, read, weights
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
    stored = read(weights(folder), "decoder")
    rows, size = stored["embeddings/weight"].shape
    blocks = sum(name.endswith("ffn/linear_0/bias") for name in stored)
    config = WhisperConfig(
        vocab_size=rows,
        d_model=size,
        encoder_layers=1,
        encoder_attention_heads=int(stored["num_heads"]),
        decoder_layers=blocks,
        decoder_attention_heads=int(stored["num_heads"]),
        decoder_ffn_dim=4 * size,
        max_target_positions=len(stored["position_encodings/encodings"]),
    )
    theirs = WhisperForConditionalGeneration(config)
    named = of_decoder(stored, blocks)
    theirs.model.decoder.load_state_dict({name: own.float() for name, own in named.items()})
    return theirs


def of_decoder(stored: dict[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """Return CTranslate2's tensors of a decoder under the names of transformers."""
    theirs = {
        "embed_tokens.weight": stored["embeddings/weight"],
        "embed_positions.weight": stored["position_encodings/encodings"],
        "layer_norm.weight": stored["layer_norm/gamma"],
        "layer_norm.bias": stored["layer_norm/beta"],
    }
    for k, kind in product(range(blocks), ("weight", "bias")):
        for ours, their in IN_TRANSFORMERS.items():
            of_norm = {"weight": "gamma", "bias": "beta"}[kind]
            name = of_norm if ours.endswith("norm") else kind
            theirs[f"layers.{k}.{their}.{kind}"] = stored[
                f"layer_{k}/{IN_CTRANSLATE2[ours]}/{name}"
            ]
        for ours, (layer, parts) in JOINED.items():
            split = stored[f"layer_{k}/{IN_CTRANSLATE2[ours]}/{kind}"].chunk(len(parts))
            for part, tensor in zip(parts, split, strict=True):
                if (part, kind) != ("k", "bias"):  # Whisper has none
                    theirs[f"layers.{k}.{layer}.{part}_proj.{kind}"] = tensor
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
