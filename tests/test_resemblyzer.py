"""Resemblyzer's encoder against librosa's mel and torch's own stack of LSTMs, with its weights."""

import librosa
import numpy as np
import pytest
import torch
from fetched import fetch_upstream
from scipy.signal import get_window

from voicegraft.model import upstream as upstreams
from voicegraft.model.batches import join


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fetch_upstream("resemblyzer", "pretrained", tmp_path_factory.mktemp("resemblyzer"))


def speech_like(seconds, level):
    noise = np.random.default_rng(1).normal(0, level, round(seconds * 16_000))
    return (noise * np.hanning(len(noise))).astype(np.float32)


def test_features_are_librosas_mel_powers(folder):
    wave = speech_like(0.8, 0.2)
    # As librosa.feature.melspectrogram, which takes a quarter of a minute to compile at first.
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, 200), 400)[::160]
    powers = np.abs(np.fft.rfft(frames * get_window("hann", 400))) ** 2
    expected = powers @ librosa.filters.mel(sr=16_000, n_fft=400, n_mels=40).T
    features = upstreams.load(folder).features(torch.from_numpy(wave))
    assert np.allclose(features.numpy(), expected[:-1], rtol=1e-3, atol=1e-7)


def test_the_last_layer_is_that_of_torchs_three_lstms_in_one(folder):
    stored = torch.load(folder / "pretrained.pt", "cpu", weights_only=True)["model_state"]
    whole = torch.nn.LSTM(40, 256, 3, batch_first=True)
    whole.load_state_dict({k[5:]: v for k, v in stored.items() if k.startswith("lstm.")})
    encoder = upstreams.load(folder)
    features = encoder.features(torch.from_numpy(speech_like(0.8, 0.2)))
    with torch.inference_mode():
        expected = whole(features[None])[0][0]
        states = encoder.above(encoder.stem(join([features])), 0, [2])[2].values
    assert torch.allclose(states, expected, atol=1e-5)


def test_a_quiet_clip_is_raised_and_a_loud_one_left(folder):
    encoder = upstreams.load(folder)
    soft, softer, loud, louder = (
        encoder.features(torch.from_numpy(speech_like(0.5, level)))
        for level in (0.01, 0.001, 0.2, 0.4)
    )
    assert torch.allclose(soft, softer, rtol=1e-3)
    assert torch.allclose(4 * loud, louder, rtol=1e-3)
