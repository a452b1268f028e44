"""Encoders of transformers' with random weights, as repositories, and what they make of noise."""

from functools import partial

import numpy as np
import torch

from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers
from voicegraft.upstreams.huggingface import SAMPLE_RATE, TINY

import transformers  # isort: skip

SMALL = {k: v for k, v in TINY["encoder"].items() if k != "model_type"}
STABLE = SMALL | {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
POSITIONS = {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 5}
MEL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "left_max_position_embeddings": 8,
    "right_max_position_embeddings": 4,
}
ENCODERS = {
    "wav2vec2": ("wav2vec2", SMALL),
    "wav2vec2, as XLS-R and MMS": ("wav2vec2", STABLE),
    "hubert": ("hubert", SMALL),
    "hubert large": ("hubert", STABLE),
    "wavlm": ("wavlm", SMALL),
    "wavlm large": ("wavlm", STABLE),
    "unispeech": ("unispeech", SMALL),
    "unispeech-sat": ("unispeech-sat", SMALL),
    "data2vec-audio": ("data2vec-audio", SMALL | POSITIONS),
    "wav2vec2-bert": ("wav2vec2-bert", MEL),
}
LAYERS = [0, 1, 2]


def network(kind, settings):
    """Return an encoder of transformers' with random weights, none of them zero or one."""
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind, **settings)
    theirs = transformers.AutoModel.from_config(config).eval().requires_grad_(False)
    for parameter in theirs.parameters():
        parameter += torch.randn_like(parameter) / 10
    return theirs


def write(folder, theirs):
    """Write a repository as transformers does, with what is needed to prepare audio."""
    theirs.save_pretrained(folder)
    extractor(theirs).save_pretrained(folder)
    return folder


def extractor(theirs):
    if theirs.config.model_type == "wav2vec2-bert":
        return transformers.SeamlessM4TFeatureExtractor()
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=True)


def their_features(theirs, window):
    """Return what transformers' extractor makes of it and of what its last frame still hears."""
    extract = partial(extractor(theirs), sampling_rate=SAMPLE_RATE, return_tensors="pt")
    if theirs.config.model_type == "wav2vec2-bert":
        return extract(np.pad(window.numpy(), (0, 240)))["input_features"][0]
    # It is normalised before there is silence behind it, as in a batch of theirs.
    return torch.nn.functional.pad(extract(window.numpy())["input_values"][0], (0, 80))[:, None]


def their_states(theirs, features):
    """Return transformers' states of one clip, by layer."""
    given = features if theirs.config.model_type == "wav2vec2-bert" else features[:, 0]
    with torch.inference_mode():
        out = theirs(given[None], output_hidden_states=True)
    # Of the last layer `hidden_states` has what the closing norm has not passed yet.
    return [states[0] for states in (*out.hidden_states[:-1], out.last_hidden_state)]


def windows(encoder):
    """Return noise of two lengths, one of them with a loud beginning."""
    draw = np.random.default_rng(1)
    waves = [draw.normal(0.01, 0.1, samples).astype(np.float32) for samples in (16_000, 7_777)]
    waves[1][:2000] *= 5
    return [encoder.window(torch.from_numpy(wave), 0.1) for wave in waves]


def differences(encoder, theirs):
    """Return the largest difference of each layer, over a batch of two against each alone."""
    batch = windows(encoder)
    with torch.inference_mode():
        ours = encoder.encode(batch, LAYERS)
    expected = [their_states(theirs, encoder.features(window)) for window in batch]
    return [
        (clip - expected[i][layer]).abs().max().item()
        for layer in LAYERS
        for i, clip in enumerate(ours[layer].clips())
    ]
