"""Speaker normalisation of pooled clips: subtract each speaker's mean, divide by the deviation.

Mean and variance normalisation by speaker, as for cepstra (Viikki and Laurila 1998,
https://doi.org/10.1016/S0167-6393(98)00033-8), here for pooled states. It needs some clips of the
speaker, but no labels.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

FEWEST_CLIPS = 10
"""Speakers with fewer clips are normalised together, as one speaker."""
LEAST = 1e-4
"""Lower bound of a deviation."""


class Voice(nn.Module):
    """Pooled clips of a speaker (clips, features) → the same with mean 0 and deviation 1.

    The mean and deviation are those of the last `meet`.
    """

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, pooled: Tensor) -> Tensor:
        """Map (clips, features) to (clips, features)."""
        return (pooled - self.mean) / self.scale

    @torch.no_grad()
    def meet(self, pooled: Tensor) -> None:
        """Set the mean and deviation from clips of one speaker, (clips, features)."""
        self.mean.copy_(pooled.mean(0))
        self.scale.copy_(pooled.std(0, correction=0).clamp(min=LEAST))


def each_voice(speakers: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield the indices of each speaker's clips; unknown and rare speakers count as one.

    Args:
        speakers: of each clip; "" if unknown.
    """
    counts = Counter(speakers)
    known = np.array([who if counts[who] >= FEWEST_CLIPS else "" for who in speakers])
    for who in np.unique(known):
        yield np.flatnonzero(known == who)


def without_voices(pooled: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """Return pooled clips, (clips, features), normalised by speaker."""
    found, voice = np.empty_like(pooled), Voice(pooled.shape[1]).double()
    for places in each_voice(speakers):
        clips = torch.from_numpy(pooled[places])
        voice.meet(clips)
        found[places] = voice(clips).numpy()
    return found
