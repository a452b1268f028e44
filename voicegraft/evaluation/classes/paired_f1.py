"""The paired difference in macro-F1 between two models on the same clips.

`voicegraft.evaluation.paired` does the same for error rates. Macro-F1 is no ratio of two sums over
clips, and higher is better.
"""

from collections.abc import Sequence

import numpy as np

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.classes.f1 import macro_f1
from voicegraft.evaluation.classes.intervals import resampled
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.classes.summary import counts_of
from voicegraft.evaluation.interval import interval, spread
from voicegraft.evaluation.paired import POWER_AND_CONFIDENCE, Difference
from voicegraft.evaluation.summary import Evaluate


class Gain(Difference):
    """The change of a measure of which higher is better."""

    @property
    def verdict(self) -> str:
        """Return better, worse or indistinguishable."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "indistinguishable"


def f1_difference(
    old: Sequence[ClassScore], new: Sequence[ClassScore], params: Evaluate
) -> Difference:
    """Compare the macro-F1 of two models on the same clips in the same order.

    Args:
        old: of each clip, by the first model.
        new: of the same clips, by the second model.
        params: resamples, confidence and seed of the bootstrap.
    """
    blocks = choose_blocks(new)
    # Both together, so that both have the same draws.
    counts = np.stack([counts_of(side) for side in (old, new)], axis=1)
    drawn = np.diff(macro_f1(resampled(counts, blocks, params)))[..., 0]
    before, after = macro_f1(counts.sum(0))
    changes = spread(after - before, drawn, blocks)
    low, high = interval(after - before, drawn, blocks, params.confidence)
    return Gain(
        old=float(before),
        new=float(after),
        low=low,
        high=high,
        probability_better=float(np.mean(changes > 0) + np.mean(changes == 0) / 2),
        detectable=POWER_AND_CONFIDENCE * float(np.std(changes)),
        clips=len(new),
        blocks=blocks.count,
        unit=blocks.unit,
        rough=blocks.rough,
    )
