"""A telephone line: 300 to 3400 Hz in 8000 samples a second, and 8 bits for each."""

import numpy as np
import soxr
import torch
from scipy.signal import fftconvolve, firwin

from voicegraft.speech.manifest import SAMPLE_RATE
from voicegraft.torchaudio_on_cpu import torchaudio

LINE_RATE = 8_000
BAND_HERTZ = (300, 3_400)
STEPS = 256

# Kaiser's window with β 5.65 takes 60 dB off what is over 60 Hz outside of the band. An odd number
# of taps is late by whole samples, which "same" takes back: frames stay where they were.
FILTER = firwin(255, BAND_HERTZ, window=("kaiser", 5.65), pass_zero=False, fs=LINE_RATE)


def over_telephone(wave: np.ndarray, companded: bool) -> np.ndarray:
    """Return float32 `wave` in [-1, 1], (samples,) at 16 kHz, as the line leaves it: as long.

    Args:
        wave: louder is clipped where it is companded.
        companded: whether each sample goes through 256 steps by the continuous μ-law, of which
            ITU-T G.711 (https://www.itu.int/rec/T-REC-G.711) has a version in straight pieces.
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
