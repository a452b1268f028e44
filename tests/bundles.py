"""Bundles as torchaudio's, but tiny and with random weights, and the same in transformers."""

import pytest
import torch

from voicegraft.speech.torchaudio_on_cpu import torchaudio
from voicegraft.upstreams import wav2vec2

import transformers  # isort: skip
from torchaudio.models.wav2vec2.utils import import_huggingface_model  # isort: skip

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
BASE = {"feat_extract_norm": "group", "conv_bias": False, "do_stable_layer_norm": False}
LARGE = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
DISTANCES = {"num_buckets": 32, "max_bucket_distance": 64}
KINDS = {
    "wav2vec 2.0 base": ("Wav2Vec2", BASE),
    "wav2vec 2.0 large": ("Wav2Vec2", LARGE),
    "HuBERT base": ("Hubert", BASE),
    "HuBERT large": ("Hubert", LARGE),
    "WavLM base": ("WavLM", BASE | DISTANCES),
    "WavLM large": ("WavLM", LARGE | DISTANCES),
}


def in_transformers(kind):
    """Return a network of that kind in transformers, its weights far from where training begins."""
    name, shape = KINDS[kind]
    config = getattr(transformers, f"{name}Config")(**SIZES, **shape)
    torch.manual_seed(1)
    model = getattr(transformers, f"{name}Model")(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter += torch.randn_like(parameter) / 10
    return model


def bundle(kind, path="tiny.pth"):
    """Return a bundle of the same network, in torchaudio's words."""
    name, shape = KINDS[kind]
    params = {k: v for k, v in wav2vec2.TINY.items() if k.startswith("encoder_")}
    if name != "WavLM":
        del params["encoder_num_buckets"], params["encoder_max_distance"]
    params |= {
        "extractor_mode": f"{shape['feat_extract_norm']}_norm",
        "extractor_conv_bias": shape["conv_bias"],
        "extractor_conv_layer_config": [(32, *layer) for layer in wav2vec2.CONVOLUTIONS],
        "encoder_layer_norm_first": shape["do_stable_layer_norm"],
    }
    return torchaudio.pipelines.Wav2Vec2Bundle(
        _path=path,
        _params=params,
        _sample_rate=16_000,
        _normalize_waveform=shape["do_stable_layer_norm"],
        _model_type="WavLM" if name == "WavLM" else "Wav2Vec2",
    )


def loaded(kind, weights, folder):
    """Return the upstream that `load` makes of these weights."""
    torch.save(weights, folder / "tiny.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(wav2vec2.BUNDLES, "TINY", bundle(kind))
        return wav2vec2.load(folder).eval().requires_grad_(False)


def weights_of(model):
    """Return the weights of a network of transformers by torchaudio's names."""
    return import_huggingface_model(model).state_dict()


def noise(samples=35_123, seed=1):
    return torch.randn(samples, generator=torch.Generator().manual_seed(seed)) / 10


@torch.inference_mode()
def states(upstream):
    """Return every layer of two seconds of noise."""
    found = upstream.encode([upstream.window(noise(), 0.1)], range(len(upstream.blocks) + 1))
    return [found[layer].values for layer in sorted(found)]
