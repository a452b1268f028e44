"""A statistic of clips with its interval, by the blocks that evaluation resamples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from voicegraft.evaluation.blocks import Blocks, Clip, choose_blocks
from voicegraft.evaluation.interval import interval, rate_interval, resampled_sums
from voicegraft.evaluation.summary import DECIMALS, Evaluate

Statistic = Callable[[np.ndarray], np.ndarray]
"""Return a value for each row of weights, (resamples, clips)."""


@dataclass(frozen=True)
class Measured:
    """A value and its interval."""

    value: float
    low: float
    high: float

    def rounded(self) -> dict[str, float]:
        """Return it for JSON."""
        return {name: round(float(value), DECIMALS) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Thing:
    """What stands for a session or a voice, whose clips are pooled."""

    id: str
    speaker: str = ""
    session: str = ""


@dataclass(frozen=True)
class Resampling:
    """How often each clip is drawn in each resample: `weights`, (ways, resamples, clips)."""

    weights: np.ndarray
    blocks: Blocks

    @classmethod
    def of(cls, clips: Sequence[Clip], params: Evaluate) -> "Resampling":
        """Return the resampling of `clips` by whole speakers and sessions."""
        blocks = choose_blocks(clips)
        counted = resampled_sums(np.eye(len(clips)), blocks, params.resamples, params.seed)
        return cls(counted, blocks)

    def measure(
        self, statistic: Statistic, confidence: float, most: float | None = None
    ) -> Measured:
        """Return the statistic of all clips, each once, with its interval; within 0 to `most`."""
        value = float(statistic(np.ones((1, self.weights.shape[-1])))[0])
        drawn = np.stack([statistic(way) for way in self.weights])
        if most is None or np.isnan(value):
            return Measured(value, *interval(value, drawn, self.blocks, confidence))
        return Measured(value, *rate_interval(value, drawn, self.blocks, confidence, most))
