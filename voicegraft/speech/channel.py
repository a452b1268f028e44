"""Reverberation of a room, and the channel of a telephone line."""

import numpy as np
import soxr
import torch
from scipy.signal import fftconvolve, firwin

from voicegraft.speech.manifest import SAMPLE_RATE
from voicegraft.speech.torchaudio_on_cpu import torchaudio

DIRECT_TO_REVERBERANT_DB = 0.0
"""At the critical distance, direct and reverberant sound have the same energy."""


def impulse_response(t60: float, rng: np.random.Generator) -> np.ndarray:
    """Return an impulse response of a room, float64 (samples,), of energy 1.

    An impulse, followed by noise that decays exponentially: Polack's model of a diffuse field (La
    transmission de l'énergie sonore dans les salles, 1988). It has no single early reflections and
    no particular shape of a room.

    Args:
        t60: seconds in which the tail falls by 60 dB; it ends there.
        rng: generator of the tail.
    """
    time = np.arange(1, round(t60 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / t60)
    ratio = 10 ** (DIRECT_TO_REVERBERANT_DB / 10)
    tail *= np.sqrt(1 / ratio / np.square(tail).sum())
    return np.concatenate([[1.0], tail]) / np.sqrt(1 + 1 / ratio)


def reverberate(wave: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return `wave`, (samples,), reverberated: float32, of the same length."""
    return fftconvolve(wave, response)[: len(wave)].astype(np.float32)


LINE_RATE = 8_000
BAND_HERTZ = (300, 3_400)
STEPS = 256

# Kaiser's window with β 5.65 attenuates by 60 dB from 60 Hz outside the band on. An odd number of
# taps delays by whole samples, which "same" corrects: frames keep their times.
FILTER = firwin(255, BAND_HERTZ, window=("kaiser", 5.65), pass_zero=False, fs=LINE_RATE)


def over_telephone(wave: np.ndarray, companded: bool) -> np.ndarray:
    """Return float32 `wave` in [-1, 1], (samples,) at 16 kHz, after the line, of the same length.

    Args:
        wave: clipped to [-1, 1] if it is companded.
        companded: whether each sample is quantised to 256 steps by the continuous μ-law; ITU-T
            G.711 (https://www.itu.int/rec/T-REC-G.711) has a piecewise linear version.
    """
    narrow = soxr.resample(wave, SAMPLE_RATE, LINE_RATE, quality="HQ")
    narrow = fftconvolve(narrow, FILTER, mode="same").astype(np.float32)
    if companded:
        narrow = _companded(narrow)
    wide = soxr.resample(narrow, LINE_RATE, SAMPLE_RATE, quality="HQ")
    return np.pad(wide, (0, max(0, len(wave) - len(wide))))[: len(wave)]


def _companded(wave: np.ndarray) -> np.ndarray:
    samples = torch.from_numpy(wave).clamp(-1, 1)
    steps = torchaudio.functional.mu_law_encoding(samples, STEPS)
    return torchaudio.functional.mu_law_decoding(steps, STEPS).numpy()
