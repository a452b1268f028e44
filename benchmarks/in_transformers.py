"""Our Whisper as transformers knows it: the same weights under their names."""

from torch import Tensor, nn

from voicegraft.model.upstream import Upstream
from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers

from transformers import WhisperConfig  # isort: skip
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
