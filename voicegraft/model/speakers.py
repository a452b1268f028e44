"""Speaker normalisation of pooled clips: each speaker's mean and deviation taken out.

Mean and variance normalisation by speaker, as is done to cepstra (Viikki and Laurila 1998,
https://doi.org/10.1016/S0167-6393(98)00033-8), here to pooled states. It needs some clips of the
voice, and none of their labels.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

FEWEST_CLIPS = 10
"""Of fewer clips a voice is not known well enough: voices with fewer are taken for one."""
LEAST = 1e-4
"""What deviates less counts as this."""


class Voice(nn.Module):
    """Pooled clips of a voice (clips, features) → the same with mean 0 and deviation 1.

    The voice is that of the clips that it met last.
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
        """Take clips of one voice, (clips, features), for what it is like."""
        self.mean.copy_(pooled.mean(0))
        self.scale.copy_(pooled.std(0, correction=0).clamp(min=LEAST))


def each_voice(speakers: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield the places of each voice's clips; clips of nobody, and of rare voices, are one voice's.

    Args:
        speakers: of each clip; "" where that is not known.
    """
    counts = Counter(speakers)
    known = np.array([who if counts[who] >= FEWEST_CLIPS else "" for who in speakers])
    for who in np.unique(known):
        yield np.flatnonzero(known == who)


def without_voices(pooled: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """Return pooled clips, (clips, features), less what is each speaker's own."""
    found, voice = np.empty_like(pooled), Voice(pooled.shape[1]).double()
    for places in each_voice(speakers):
        clips = torch.from_numpy(pooled[places])
        voice.meet(clips)
        found[places] = voice(clips).numpy()
    return found
