"""The frames of a clip pooled into one vector for a classifier.

Every way is a mean of frames, with weights that say which count: all alike, those of each third of
the clip, the last alone, or such as are learnt (self-attentive pooling, Zhu et al. 2018,
https://doi.org/10.21437/Interspeech.2018-1158). `_std` adds the deviation about the mean, which
tells a clip that moves from one that stays (statistics pooling, Snyder et al. 2018,
https://doi.org/10.1109/ICASSP.2018.8461375); `_slope` adds where it moves to: the first Legendre
coefficient over time, as of pitch contours. Silence behind a clip does not count.
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
"""Clips pooled in one go."""
LEAST = 1e-8
"""A variance below this counts as this: at 0 a root has no gradient."""


def _frames(lengths: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return where each frame lies, (1, frames), and the lengths, (batch, 1), both float."""
    return torch.arange(most, dtype=torch.float32)[None], lengths[:, None].float()


def _mean(lengths: Tensor, most: int) -> Tensor:
    at, length = _frames(lengths, most)
    return ((at < length) / length)[:, None]


def _last(lengths: Tensor, most: int) -> Tensor:
    at, length = _frames(lengths, most)
    return (at == length - 1).float()[:, None]


def _thirds(lengths: Tensor, most: int) -> Tensor:
    """Share a frame between the thirds that it lies in, so that one frame is enough."""
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
"""From lengths (batch,) and the most frames: weights (batch, vectors, frames) that sum to 1."""


def names() -> list[str]:
    """Return the ways there are."""
    return [f"{name}{more}" for name in (*FIXED, LEARNT) for more in ("", STD, SLOPE)]


def without_weights(way: str) -> str:
    """Return the way itself, or what it is while nothing is learnt: all frames count alike."""
    return way.replace(LEARNT, "mean")


class Pooling(nn.Module):
    """States of a batch → a vector of `features` numbers for each clip.

    Args:
        way: one of `names()`.
        size: of a frame.
        silence: frames behind each clip that are none of its own.

    Raises:
        ValueError: naming the ways there are.
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
        """Map (batch, frames, size) to (batch, features); the same alone or in any batch."""
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
        """Return what each frame counts for, (batch, vectors, frames)."""
        most = states.values.shape[1]
        if self.score is None:
            return FIXED[self.way](states.lengths, most).to(states.values)
        scores = self.score(states.values)[..., 0]
        mask = states.mask
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(1)[:, None]


def _deviation(values: Tensor, weights: Tensor, means: Tensor) -> Tensor:
    # About the mean itself: the mean of squares less the square of means loses all digits.
    centred = values[:, None] - means[:, :, None]
    variance = (weights[..., None] * centred.square()).sum(2)
    return variance.clamp(min=LEAST).sqrt()


def _rise(weights: Tensor) -> Tensor:
    """Return a line over the frames that count, of mean 0 and square 1; shaped as `weights`."""
    at = torch.arange(weights.shape[-1]).to(weights)
    centred = at - (weights * at).sum(-1, keepdim=True)
    square = (weights * centred.square()).sum(-1, keepdim=True)
    return centred / square.clamp(min=LEAST).sqrt()


@torch.no_grad()
def pool_clips(pooling: Pooling, clips: Iterable[Tensor]) -> np.ndarray:
    """Return a vector for each of `clips` (frames, size), (clips, features) in float64.

    Few are held at a time, so `clips` may be read from disk one by one.
    """
    clips, found = iter(clips), []
    while group := list(islice(clips, TOGETHER)):
        found.append(pooling(pad(group)))
    return torch.cat(found).double().numpy()
