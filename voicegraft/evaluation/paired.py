"""The paired difference between two models on the same clips, with its interval.

The bootstrap of Bisani and Ney (2004, doi:10.1109/ICASSP.2004.1326009): both models are resampled
by the same draws of blocks, so effects that are common to both models cancel out. Of many
differences some look sure by chance: Holm's correction.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from scipy.stats import t

from voicegraft.evaluation.blocks import Blocks, Clip, choose_blocks
from voicegraft.evaluation.errors import rate
from voicegraft.evaluation.interval import interval, resampled_rates, spread
from voicegraft.evaluation.summary import Evaluate

POWER_AND_CONFIDENCE = 2.8
"""The size of a true difference, in standard errors, that is found in 80 % of test sets at 95 %
confidence: 1.96 + 0.84 (Card et al. 2020, https://aclanthology.org/2020.emnlp-main.745)."""


class Scored(Clip, Protocol):
    """A clip with its errors in characters and words, or in its class."""

    RATES: ClassVar[Mapping[str, tuple[str, str]]]
    """Each rate with the fields of its numerator and denominator; the first decides verdicts."""
    split: str
    seconds: float

    @property
    def task(self) -> tuple:
        """The key by which clips of two models are the same, including the reference."""
        ...


@dataclass(frozen=True)
class Difference:
    """The change of a rate from an old to a new model."""

    old: float
    new: float
    low: float
    high: float
    """The interval of `change`."""
    probability_better: float
    """Share of resamples in which the new model has fewer errors; ties count half. If the variance
    by seed is known, each resample is smoothed by it.
    """
    detectable: float
    """The smallest true change that such a test set detects in four of five cases."""
    clips: int
    blocks: int
    unit: str
    """The unit of a block: session, speaker, utterance, or speaker × session."""
    rough: bool
    """Whether blocks are too few for the stated coverage."""

    @property
    def change(self) -> float:
        """New minus old; a negative change is better."""
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
        old: of each clip, by the first model.
        new: of the same clips, by the second model.
        metric: "cer" or "wer"; for classes "error_rate".
        params: resamples, confidence and seed of the bootstrap.
        noise: the variation of the rates by the seed of the training, from
            `voicegraft.studies.learner.variation`; the interval is widened by it, as test clips and
            seeds are independent sources of variance.
    """
    blocks = choose_blocks(new)
    before, after = resampled_pair(old, new, metric, blocks, params)
    old_rate, new_rate = rate_of_all(old, metric), rate_of_all(new, metric)
    change = new_rate - old_rate
    changes = spread(change, after - before, blocks)
    low, high = interval(change, after - before, blocks, params.confidence)
    # Two trainings, so √2 times the deviation of one.
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
    """Return the rates of both, each (ways, resamples), for the same blocks in each resample."""
    return tuple(
        resampled_rates(*_counts(scores, metric), blocks, params.resamples, params.seed)
        for scores in (old, new)
    )


def rate_of_all(scores: Sequence[Scored], metric: str) -> float:
    """Return the rate over all clips."""
    edits, reference = _counts(scores, metric)
    return rate(sum(edits), sum(reference))


def in_common(old: Sequence[Scored], new: Sequence[Scored]) -> tuple[list[Scored], list[Scored]]:
    """Return the clips in both with the same `task`, in the order of `new`."""
    before = {score.task: score for score in old}
    kept = [score for score in new if score.task in before]
    return [before[score.task] for score in kept], kept


def _below_zero(changes: np.ndarray, deviation: float, freedom: int) -> float:
    """Return the probability that a change plus Student's noise is below zero."""
    if deviation:
        return float(t.cdf(-changes / deviation, freedom).mean())
    return float(np.mean(changes < 0) + np.mean(changes == 0) / 2)


def _t(confidence: float, freedom: int) -> float:
    """Return the two-sided quantile of Student's t."""
    return float(t.ppf((1 + confidence) / 2, freedom))


def _counts(scores: Sequence[Scored], metric: str) -> tuple[list[int], list[int]]:
    edits, reference = scores[0].RATES[metric]
    return [getattr(s, edits) for s in scores], [getattr(s, reference) for s in scores]


Name = TypeVar("Name")


def sure_of(
    names: Iterable[Name], sure_at: Callable[[Name, float], bool], confidence: float
) -> list[Name]:
    """Return those of `names` that are significant together, in the order given.

    By Holm's step-down procedure (1979, https://www.jstor.org/stable/4615733): the probability of
    any false positive is at most 1 - `confidence`, for any dependence.

    Args:
        names: of all tests.
        sure_at: whether the interval of a test at a confidence excludes "no difference".
        confidence: of all tests together.
    """
    every, left = list(names), list(names)
    while left:
        at = 1 - (1 - confidence) / len(left)
        unsure = [name for name in left if not sure_at(name, at)]
        if len(unsure) == len(left):
            break
        left = unsure
    return [name for name in every if name not in left]
