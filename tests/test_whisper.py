"""Our Whisper against CTranslate2's and transformers', on the same weights and full windows."""

import struct

import ctranslate2
import numpy as np
import pytest
import torch

from benchmarks import in_transformers
from voicegraft.model import upstream as upstreams
from voicegraft.model.formats import WeightsError
from voicegraft.upstreams.whisper import SAMPLE_RATE, TINY, build, load

from transformers import WhisperFeatureExtractor  # isort: skip

SECONDS = 30


def noise(seconds, seed=1):
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32))


def sine(seconds):
    time = torch.arange(round(seconds * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    return (0.3 * torch.sin(2 * torch.pi * 440 * time)).float()


@pytest.fixture(scope="module")
def encoder(whisper_folder):
    return upstreams.load(whisper_folder)


@pytest.fixture(scope="module")
def features(encoder):
    """A full window: a tone, silence, noise."""
    wave = torch.cat([sine(10), torch.zeros(8 * SAMPLE_RATE), noise(12)])
    return encoder.features(wave)


@pytest.fixture(scope="module")
def states(encoder, features):
    last = len(encoder.blocks)
    layer_0 = encoder.stem(upstreams.join([features]))
    return encoder.above(layer_0, 0, [last])[last].values[None]


def relative_error(got, expected):
    return ((got - expected).norm() / expected.norm()).item()


def test_ctranslate2_gives_the_same_states(whisper_folder, features, states):
    theirs = ctranslate2.models.Whisper(
        str(whisper_folder), compute_type="float32", intra_threads=1
    )
    batch = np.ascontiguousarray(features.T[None].numpy())
    expected = np.array(theirs.encode(ctranslate2.StorageView.from_array(batch), to_cpu=True))
    assert expected.shape == (1, SECONDS * 50, 512)
    assert relative_error(states, torch.from_numpy(expected)) <= 1e-3


def test_transformers_gives_the_same_states(encoder, features, states):
    theirs = in_transformers.build(encoder)
    with torch.inference_mode():
        expected = theirs(features.T[None]).last_hidden_state
    assert relative_error(states, expected) <= 1e-5


@pytest.mark.parametrize("bins", [80, 128])
@pytest.mark.parametrize("make", [noise, sine])
def test_transformers_gives_the_same_log_mel_spectrogram_of_a_full_window(make, bins):
    wave = make(SECONDS)
    extract = WhisperFeatureExtractor(feature_size=bins)
    theirs = extract(wave.numpy(), sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features[0]
    ours = build(TINY | {"bins": bins}).features(wave).T
    assert ours.shape == theirs.shape == (bins, 3000)
    assert (ours - theirs).abs().max() <= 1e-4


def test_with_real_weights_a_clip_alone_has_the_states_it_has_in_a_batch(encoder):
    waves = [noise(0.05), sine(1.3), torch.zeros(SAMPLE_RATE // 2), noise(2.9, seed=2)]
    windows = [encoder.window(wave, margin_seconds=0.5) for wave in waves]
    layers = list(range(len(encoder.blocks) + 1))
    batch = encoder.encode(windows, layers)
    for i, window in enumerate(windows):
        for layer, alone in encoder.encode([window], layers).items():
            # Some numbers of layers 4 and 5 are 400, and float32 has 7 digits.
            assert relative_error(alone.values, batch[layer].clips()[i]) <= 1e-5


def test_the_pretrained_encoder_is_frozen_and_of_the_size_of_base(encoder):
    assert encoder.config == dict(bins=80, size=512, heads=8, blocks=6, positions=1500)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no weights at all", "is not a complete CTranslate2 model.bin"),
        # version, a name of no letters, revision, no variables
        (struct.pack("<IHBII", 6, 1, 0, 3, 0), "is not a Whisper"),
    ],
)
def test_a_file_without_whisper_is_refused_with_its_path(tmp_path, content, message):
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(WeightsError, match=f"{tmp_path / 'model.bin'} {message}"):
        load(tmp_path)
