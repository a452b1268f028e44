"""The difference between two models on the same clips, and how sure it is.

The bootstrap of Bisani and Ney (2004, doi:10.1109/ICASSP.2004.1326009): both models are resampled
by the same draws of blocks, so what makes a clip hard for both cancels out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.stats import t

from voicegraft.evaluation.blocks import Blocks, Clip, choose_blocks
from voicegraft.evaluation.bootstrap import resampled_rates
from voicegraft.evaluation.errors import rate
from voicegraft.evaluation.interval import interval, spread
from voicegraft.evaluation.summary import Evaluate

POWER_AND_CONFIDENCE = 2.8
"""Standard errors that a true difference must have to be found in 80 % of test sets at 95 %
confidence: 1.96 + 0.84 (Card et al. 2020, https://aclanthology.org/2020.emnlp-main.745)."""


class Scored(Clip, Protocol):
    """A clip with its errors, in characters and words or in classes."""

    RATES: ClassVar[Mapping[str, tuple[str, str]]]
    """Each rate with its errors and what they are out of; a verdict goes by the first."""
    split: str
    seconds: float

    @property
    def task(self) -> tuple:
        """What makes a clip the same for two models: another reference is another task."""
        ...


@dataclass(frozen=True)
class Difference:
    """How a rate changed from old to new."""

    old: float
    new: float
    low: float
    high: float
    """The interval of `change`."""
    probability_better: float
    """Share of the resamples in which the new one errs less; ties count half.

    Where it is known how seeds vary, each resample stands for all that other seeds would make of
    it.
    """
    detectable: float
    """The smallest true change that such a test set shows in four cases of five."""
    clips: int
    blocks: int
    unit: str
    """What a block is: session, speaker, utterance, or where speakers and sessions cross."""
    rough: bool
    """Whether blocks are too few for an interval that holds as often as it says."""

    @property
    def change(self) -> float:
        """New minus old: below zero is better."""
        return self.new - self.old

    @property
    def verdict(self) -> str:
        """Return better, worse or indistinguishable."""
        if self.high < 0:
            return "better"
        return "worse" if self.low > 0 else "indistinguishable"


def difference(
    old: Sequence[Scored],
    new: Sequence[Scored],
    metric: str,
    params: Evaluate,
    noise: Mapping[str, Any] | None = None,
) -> Difference:
    """Compare two models on the same clips in the same order.

    Args:
        old: of each clip, by the one.
        new: of the same clips, by the other.
        metric: "cer" or "wer"; of classes "error_rate".
        params: resamples, confidence and seed of the bootstrap.
        noise: how the rates vary by the seed of the training, as `seeds.variation` says; the
            interval is widened by it, as test clips and seeds are two independent kinds of luck.
    """
    blocks = choose_blocks(new)
    before, after = resampled_pair(old, new, metric, blocks, params)
    old_rate, new_rate = rate_of_all(old, metric), rate_of_all(new, metric)
    change = new_rate - old_rate
    changes = spread(change, after - before, blocks)
    low, high = interval(change, after - before, blocks, params.confidence)
    # Two trainings, so √2 of what one varies.
    deviation = math.sqrt(2) * noise[metric]["deviation"] if noise else 0.0
    luck = deviation * _t(params.confidence, noise["seeds"] - 1) if noise else 0.0
    return Difference(
        old=old_rate,
        new=new_rate,
        low=change - math.hypot(change - low, luck),
        high=change + math.hypot(high - change, luck),
        probability_better=_below_zero(changes, deviation, noise["seeds"] - 1 if noise else 1),
        detectable=POWER_AND_CONFIDENCE * math.hypot(float(np.std(changes)), deviation),
        clips=len(new),
        blocks=blocks.count,
        unit=blocks.unit,
        rough=blocks.rough,
    )


def resampled_pair(
    old: Sequence[Scored],
    new: Sequence[Scored],
    metric: str,
    blocks: Blocks,
    params: Evaluate,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rates of both, shape (ways, resamples): each pair of the same blocks."""
    return tuple(
        resampled_rates(*_counts(scores, metric), blocks, params.resamples, params.seed)
        for scores in (old, new)
    )


def rate_of_all(scores: Sequence[Scored], metric: str) -> float:
    """Return the rate of all clips as one."""
    edits, reference = _counts(scores, metric)
    return rate(sum(edits), sum(reference))


def in_common(old: Sequence[Scored], new: Sequence[Scored]) -> tuple[list[Scored], list[Scored]]:
    """Return the clips that are in both, in the order of `new`: of the same side and length."""
    before = {score.task: score for score in old}
    kept = [score for score in new if score.task in before]
    return [before[score.task] for score in kept], kept


def _below_zero(changes: np.ndarray, deviation: float, freedom: int) -> float:
    """Return the chance that a change is below zero once Student's noise is added to it."""
    if deviation:
        return float(t.cdf(-changes / deviation, freedom).mean())
    return float(np.mean(changes < 0) + np.mean(changes == 0) / 2)


def _t(confidence: float, freedom: int) -> float:
    """Return how many estimated deviations a normal value stays within, so often."""
    return float(t.ppf((1 + confidence) / 2, freedom))


def _counts(scores: Sequence[Scored], metric: str) -> tuple[list[int], list[int]]:
    edits, reference = scores[0].RATES[metric]
    return [getattr(s, edits) for s in scores], [getattr(s, reference) for s in scores]
