"""Mel-frequency cepstral coefficients: the classic control for classifiers of words.

Davis and Mermelstein 1980, https://doi.org/10.1109/TASSP.1980.1163420: the smooth envelope of a
log-mel spectrum, which distinguishes vowels and is independent of pitch.
"""

import scipy.fft
import torch

from voicegraft.model.batches import Ragged
from voicegraft.model.log_mel import BINS, STEPS_A_FRAME, LogMel
from voicegraft.model.upstream import Config, Upstream

COEFFICIENTS = 20
TINY = {"bins": 40, "coefficients": 13}


class Mfcc(LogMel):
    """Two steps of coefficients to a frame: no block, no weight."""

    def __init__(self, bins: int, coefficients: int):
        super().__init__(bins)
        self.config = {"bins": bins, "coefficients": coefficients}
        self.size = STEPS_A_FRAME * coefficients
        cosines = scipy.fft.dct(torch.eye(bins).numpy(), norm="ortho")[:, :coefficients]
        self.register_buffer("cosines", torch.from_numpy(cosines.copy()), persistent=False)

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0: each two steps side by side."""
        return super().stem(features.with_values(features.values @ self.cosines))


def build(config: Config) -> Mfcc:
    """See the contract."""
    return Mfcc(**config)


def beside(name: str, upstream: Upstream) -> Config:  # noqa: ARG001 - the same beside any
    """See the contract."""
    return {"bins": BINS, "coefficients": COEFFICIENTS}
