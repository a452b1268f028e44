"""Noise at a ratio to the speech: white, pink, or babble."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from voicegraft.speech.manifest import SAMPLE_RATE

FRAME_SAMPLES = SAMPLE_RATE // 50
MARGIN_DB = 15.9
"""Frames that are quieter than the speech by more than this are a pause."""


def active_power(wave: np.ndarray) -> float:
    """Return the mean square of `wave`, (samples,), over the frames of 20 ms that hold speech.

    After ITU-T P.56 (https://www.itu.int/rec/T-REC-P.56), method B: what is speech lies no more
    than 15.9 dB below the level that is sought, which each round finds a little higher until none
    is left out that was in. Frames stand for its envelope, and there is no hangover.
    """
    frames = np.resize(wave, max(1, len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES)
    powers = np.square(frames.reshape(-1, FRAME_SAMPLES), dtype=np.float64).mean(axis=1)
    power, before = powers.mean(), -1.0
    while power > before:
        power, before = powers[powers >= power / 10 ** (MARGIN_DB / 10)].mean(), power
    return float(power)


TALKERS = 8
"""Voices in babble, where there are so many: with fewer, a word of one can be made out."""


def add_noise(wave: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Return float32 `wave` and `noise`, (samples,) both, the noise so loud that it has that ratio.

    Args:
        wave: speech, whose level is that of its active frames (`level.active_power`).
        noise: of any level, which is taken over the whole clip.
        snr_db: of speech over noise. The speech stays as loud as it was; nothing is clipped.
    """
    power = np.square(noise, dtype=np.float64).mean()
    gain = np.sqrt(active_power(wave) / power / 10 ** (snr_db / 10)) if power > 0 else 0.0
    return (wave + gain * noise).astype(np.float32)


def white(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise, (samples,), with as much power in every hertz."""
    return rng.standard_normal(samples)


def pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise, (samples,), with as much power in every octave, as wind nearly has.

    White noise whose spectrum is divided by the root of the frequency.
    """
    length = next_fast_len(samples, real=True)
    spectrum = rfft(white(length, rng))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return irfft(spectrum, length)[:samples]


def babble(samples: int, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Return many `voices`, (their samples,) each, speaking at once, (samples,).

    Each is made as loud as the others, begins anywhere in itself, and starts again at its end.
    """
    mixed = np.zeros(samples)
    for voice in voices:
        begun = np.roll(voice, -rng.integers(len(voice)))
        mixed += np.resize(begun, samples) / np.sqrt(max(active_power(voice), 1e-12))
    return mixed
