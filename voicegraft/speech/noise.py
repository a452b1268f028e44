"""Noise at a ratio to the speech: white, pink, or babble."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from voicegraft.speech.manifest import SAMPLE_RATE

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
