"""How loud the speech in a clip is, its pauses left out."""

import numpy as np

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
