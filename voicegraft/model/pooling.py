"""Pool the frames of a clip into one vector for a classifier.

Every way is a weighted mean of frames: of all, of each third of the clip, of the last alone, or
with learnt weights (self-attentive pooling, Zhu et al. 2018,
https://doi.org/10.21437/Interspeech.2018-1158). `_std` adds the standard deviation, which
distinguishes changing clips from constant ones (statistics pooling, Snyder et al. 2018,
https://doi.org/10.1109/ICASSP.2018.8461375). `_slope` adds the direction of change: the first
Legendre coefficient over time, as for pitch contours. Silence after a clip is excluded.
"""

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from voicegraft.model.batches import Padded, pad

STD, SLOPE = "_std", "_slope"
LEARNT = "attentive"
PARTS = 3
TOGETHER = 256
"""Number of clips pooled at once."""
LEAST = 1e-8
"""Lower bound of a variance: at 0 the square root has no gradient."""


def _frames(lengths: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return the index of each frame, (1, frames), and the lengths, (batch, 1), both float."""
    return torch.arange(most, dtype=torch.float32)[None], lengths[:, None].float()


def _mean(lengths: Tensor, most: int) -> Tensor:
    at, length = _frames(lengths, most)
    return ((at < length) / length)[:, None]


def _last(lengths: Tensor, most: int) -> Tensor:
    at, length = _frames(lengths, most)
    return (at == length - 1).float()[:, None]


def _thirds(lengths: Tensor, most: int) -> Tensor:
    """Return weights for each third; a frame may be part of two, so one frame is enough."""
    at, length = _frames(lengths, most)
    parts = []
    for part in range(PARTS):
        first, last = part * length / PARTS, (part + 1) * length / PARTS
        overlap = (torch.minimum(at + 1, last) - torch.maximum(at, first)).clamp(min=0)
        parts.append(overlap / overlap.sum(1, keepdim=True))
    return torch.stack(parts, 1)


FIXED: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean": _mean,
    "thirds": _thirds,
    "last": _last,
}
"""From lengths (batch,) and the padded length: weights (batch, vectors, frames) that sum to 1."""


def names() -> list[str]:
    """Return the ways to pool."""
    return [f"{name}{more}" for name in (*FIXED, LEARNT) for more in ("", STD, SLOPE)]


def without_weights(way: str) -> str:
    """Return the way; for a learnt one, the same with equal weights."""
    return way.replace(LEARNT, "mean")


class Pooling(nn.Module):
    """States of a batch → a vector of `features` numbers for each clip.

    Args:
        way: one of `names()`.
        size: of a frame.
        silence: number of frames of silence after each clip.

    Raises:
        ValueError: naming the known ways.
    """

    def __init__(self, way: str, size: int, silence: int = 0):
        super().__init__()
        if way not in names():
            raise ValueError(f"head.pooling must be one of {', '.join(names())}, not {way!r}")
        self.way, self.silence = way.removesuffix(STD).removesuffix(SLOPE), silence
        self.more = way.removeprefix(self.way)
        self.score = nn.Linear(size, 1) if self.way == LEARNT else None
        vectors = PARTS if self.way == "thirds" else 1
        self.features = size * vectors * (2 if self.more else 1)

    def forward(self, states: Padded) -> Tensor:
        """Map (batch, frames, size) to (batch, features); a vector does not depend on the batch."""
        states = Padded(states.values, (states.lengths - self.silence).clamp(min=1))
        weights = self._weights(states)
        means = weights @ states.values
        if self.more == STD:
            return torch.cat([means, _deviation(states.values, weights, means)], 1).flatten(1)
        if self.more == SLOPE:
            rising = weights * _rise(weights)
            return torch.cat([means, rising @ states.values], 1).flatten(1)
        return means.flatten(1)

    def _weights(self, states: Padded) -> Tensor:
        """Return the weight of each frame, (batch, vectors, frames)."""
        most = states.values.shape[1]
        if self.score is None:
            return FIXED[self.way](states.lengths, most).to(states.values)
        scores = self.score(states.values)[..., 0]
        mask = states.mask
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(1)[:, None]


def _deviation(values: Tensor, weights: Tensor, means: Tensor) -> Tensor:
    # The mean of squares minus the squared mean would lose all digits.
    centred = values[:, None] - means[:, :, None]
    variance = (weights[..., None] * centred.square()).sum(2)
    return variance.clamp(min=LEAST).sqrt()


def _rise(weights: Tensor) -> Tensor:
    """Return a line over the weighted frames, of mean 0 and variance 1, shaped as `weights`."""
    at = torch.arange(weights.shape[-1]).to(weights)
    centred = at - (weights * at).sum(-1, keepdim=True)
    square = (weights * centred.square()).sum(-1, keepdim=True)
    return centred / square.clamp(min=LEAST).sqrt()


@torch.no_grad()
def pool_clips(pooling: Pooling, clips: Iterable[Tensor]) -> np.ndarray:
    """Return a vector for each of `clips` (frames, size), (clips, features) in float64.

    Only `TOGETHER` clips are in memory at a time, so `clips` may be read from disk one by one.
    """
    clips, found = iter(clips), []
    while group := list(islice(clips, TOGETHER)):
        found.append(pooling(pad(group)))
    return torch.cat(found).double().numpy()
