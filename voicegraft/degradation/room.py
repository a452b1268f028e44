"""A room: the walls answer, ever more quietly."""

import numpy as np
from scipy.signal import fftconvolve

from voicegraft.speech.manifest import SAMPLE_RATE

DIRECT_TO_REVERBERANT_DB = 0.0
"""As at the critical distance: what comes straight is as loud as all that the walls return."""


def impulse_response(t60: float, rng: np.random.Generator) -> np.ndarray:
    """Return what a microphone in the room hears of a click, float64 (samples,), of energy 1.

    The click itself, and behind it noise that decays exponentially: Polack's model of a diffuse
    field (La transmission de l'énergie sonore dans les salles, 1988). No single early reflection is
    in it, and no shape of any one room.

    Args:
        t60: seconds in which the tail falls by 60 dB, to where it ends.
        rng: draws the tail.
    """
    time = np.arange(1, round(t60 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / t60)
    ratio = 10 ** (DIRECT_TO_REVERBERANT_DB / 10)
    tail *= np.sqrt(1 / ratio / np.square(tail).sum())
    return np.concatenate([[1.0], tail]) / np.sqrt(1 + 1 / ratio)


def reverberate(wave: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return `wave`, (samples,), as heard in the room: float32, as long, its last echo cut off."""
    return fftconvolve(wave, response)[: len(wave)].astype(np.float32)
