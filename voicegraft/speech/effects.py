"""Effects on recordings: noise at a ratio to the speech, reverberation, a telephone line."""

from collections.abc import Sequence

import numpy as np
import soxr
import torch
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve, firwin

from voicegraft.speech.manifest import SAMPLE_RATE
from voicegraft.speech.torchaudio_on_cpu import torchaudio

FRAME_SAMPLES = SAMPLE_RATE // 50
MARGIN_DB = 15.9
"""Frames below the speech level by more than this are a pause."""


def active_power(wave: np.ndarray) -> float:
    """Return the mean square of `wave`, (samples,), over the frames of 20 ms that hold speech.

    After ITU-T P.56 (https://www.itu.int/rec/T-REC-P.56), method B: frames count as speech if they
    are at most 15.9 dB below the active level. Each round raises the estimate until no more frames
    are dropped. Frames replace its envelope, and there is no hangover.
    """
    frames = np.resize(wave, max(1, len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES)
    powers = np.square(frames.reshape(-1, FRAME_SAMPLES), dtype=np.float64).mean(axis=1)
    power, before = powers.mean(), -1.0
    while power > before:
        power, before = powers[powers >= power / 10 ** (MARGIN_DB / 10)].mean(), power
    return float(power)


TALKERS = 8
"""Most voices in babble: with fewer, single words are intelligible."""


def add_noise(wave: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Return the sum of `wave` and scaled `noise`, float32 (samples,).

    Args:
        wave: speech, (samples,); its level is that of its active frames (`active_power`).
        noise: (samples,), of any level, measured over the whole clip.
        snr_db: level of speech over noise. The speech is not scaled; nothing is clipped.
    """
    power = np.square(noise, dtype=np.float64).mean()
    gain = np.sqrt(active_power(wave) / power / 10 ** (snr_db / 10)) if power > 0 else 0.0
    return (wave + gain * noise).astype(np.float32)


def white(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return white noise, (samples,): equal power per hertz."""
    return rng.standard_normal(samples)


def pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return pink noise, (samples,): equal power per octave, similar to wind.

    The spectrum of white noise is divided by the square root of the frequency.
    """
    length = next_fast_len(samples, real=True)
    spectrum = rfft(white(length, rng))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return irfft(spectrum, length)[:samples]


def babble(samples: int, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Return a mix of `voices`, each (its samples,), of length (samples,).

    All have the same level. Each starts at a random place and is repeated.
    """
    mixed = np.zeros(samples)
    for voice in voices:
        begun = np.roll(voice, -rng.integers(len(voice)))
        mixed += np.resize(begun, samples) / np.sqrt(max(active_power(voice), 1e-12))
    return mixed


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
