"""Label efficiency: error rates by minutes of labelled speech, and minutes spared by transfer.

Intervals resample the blocks of the test set, and the draws of training clips.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.interval import (
    percentile_interval,
    rate_interval,
    resampled_rates,
    spread,
)
from voicegraft.evaluation.paired import rate_of_all
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.summary import DECIMALS, Evaluate


@dataclass(frozen=True)
class Run:
    """The training of a head on some minutes, and its errors on test."""

    minutes: float
    draw: int
    epochs: int
    seconds: float
    """Duration of the training."""
    scores: list[Score]

    def rate(self, metric: str) -> float:
        """Return "cer" or "wer" over all clips."""
        return rate_of_all(self.scores, metric)


class Curve:
    """CER by minutes of labelled speech, of one model.

    Attributes:
        minutes: the amounts, increasing.
        cer: the mean over draws at each, shape (amounts,).
        resampled: the mean in each bootstrap resample, shape (amounts, resamples).
        seconds: the mean duration of training at each amount, shape (amounts,).
    """

    def __init__(self, runs: Sequence[Run], params: Evaluate):
        self.minutes = sorted({run.minutes for run in runs})
        groups = [[run for run in runs if run.minutes == amount] for amount in self.minutes]
        self.cer = np.array([np.mean([run.rate("cer") for run in group]) for group in groups])
        self.seconds = np.array([np.mean([run.seconds for run in group]) for group in groups])
        rng = np.random.default_rng(params.seed)
        self.blocks, self._params = choose_blocks(runs[0].scores), params
        self._drawn = [_resampled(group, self.blocks, params, rng) for group in groups]
        pairs = zip(self.cer, self._drawn, strict=True)
        self.resampled = np.stack([spread(cer, drawn, self.blocks) for cer, drawn in pairs])

    def bands(self) -> list[tuple[float, float]]:
        """Return the interval at each amount."""
        return [
            rate_interval(cer, drawn, self.blocks, self._params.confidence)
            for cer, drawn in zip(self.cer, self._drawn, strict=True)
        ]

    def minutes_to(self, cer: float, resample: int | None = None) -> float:
        """Return the minutes at which the curve first reaches `cer`; infinity if it never does.

        Between two amounts it is interpolated linearly in the logarithm of the minutes, like
        typical learning curves. If the smallest amount reaches `cer`, the result is that amount.
        """
        curve = self.cer if resample is None else self.resampled[:, resample]
        if curve[0] <= cer:
            return self.minutes[0]
        for i in range(1, len(curve)):
            if curve[i] <= cer:
                share = (curve[i - 1] - cer) / (curve[i - 1] - curve[i])
                low, high = math.log(self.minutes[i - 1]), math.log(self.minutes[i])
                return math.exp(low + share * (high - low))
        return math.inf

    def seconds_at(self, minutes: float) -> float:
        """Return the duration of training on so many minutes, interpolated."""
        return float(np.interp(math.log(minutes), np.log(self.minutes), self.seconds))


def reached(model: Curve, control: Curve, params: Evaluate) -> dict[str, float | bool | None]:
    """Return the minutes at which the model is as good as the control with all minutes.

    None stands for a value outside the tried amounts.
    """
    most, target = control.minutes[-1], float(control.cer[-1])
    minutes = model.minutes_to(target)
    resampled = [
        model.minutes_to(control.resampled[-1, i], i) for i in range(control.resampled.shape[1])
    ]
    low, high = percentile_interval(
        np.array(resampled), params.confidence, control.blocks.effective, method="nearest"
    )
    return {
        "control_minutes": most,
        "control_cer": round(target, DECIMALS),
        "minutes": _finite(minutes),
        "minutes_low": _finite(low),
        "minutes_high": _finite(high),
        "minutes_spared": _finite(most - minutes),
        "rough": control.blocks.rough,
    }


def spared(model: Curve, control: Curve, params: Evaluate) -> dict[str, float | bool | None]:
    """Return the minutes that `reached` finds, and how long the training takes for either."""
    minutes = model.minutes_to(float(control.cer[-1]))
    time = model.seconds_at(min(minutes, model.minutes[-1]))
    return reached(model, control, params) | {
        "training_seconds": round(time, 1),
        "control_training_seconds": round(float(control.seconds[-1]), 1),
    }


def _resampled(
    runs: Sequence[Run], blocks: Blocks, params: Evaluate, rng: np.random.Generator
) -> np.ndarray:
    """Return the mean CER over resampled runs, (ways, resamples)."""
    rates = np.stack(
        [
            resampled_rates(
                [s.character_edits for s in run.scores],
                [s.characters for s in run.scores],
                blocks,
                params.resamples,
                params.seed,
            )
            for run in runs
        ]
    )
    drawn = rng.integers(len(runs), size=rates.shape)
    return np.take_along_axis(rates, drawn, axis=0).mean(axis=0)


def _finite(value: float) -> float | None:
    return round(float(value), 2) if math.isfinite(value) else None


def rows(curves: Mapping[str, Curve]) -> list[tuple[str, float, float, float, float]]:
    """Return (model, minutes, CER, low, high) for a plot."""
    return [
        (name, minutes, *(round(float(v), DECIMALS) for v in (cer, *band)))
        for name, curve in curves.items()
        for minutes, cer, band in zip(curve.minutes, curve.cer, curve.bands(), strict=True)
    ]
