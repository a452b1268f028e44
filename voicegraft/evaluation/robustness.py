"""How errors grow as the same clips are recorded worse: a line of robustness.csv per condition."""

from collections.abc import Mapping, Sequence

from pydantic import NonNegativeInt

from voicegraft.degradation.knobs import Condition, Degradation
from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.bootstrap import percentile_interval
from voicegraft.evaluation.paired import difference, resampled_pair
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.summary import DECIMALS, Evaluate
from voicegraft.params import Section

CLEAN = Condition()


class Robustness(Section):
    """Which models are tested, in what."""

    models: list[str]
    conditions: list[Degradation]
    seed: NonNegativeInt

    @property
    def tested(self) -> list[Condition]:
        """Each condition once, clips as they are first: what all others are compared with."""
        each = (condition for entry in self.conditions for condition in entry.conditions)
        return list(dict.fromkeys([CLEAN, *each]))


def columns(metric: str) -> tuple[str, ...]:
    """Return the header of robustness.csv; a level that there is none of stays empty."""
    rates = [f"{name}{end}" for name in (metric, "change") for end in ("", "_low", "_high")]
    return "condition", "snr_db", *rates, "clips", "blocks", "block_unit"


def rows(
    measured: Mapping[Condition, Sequence[Score]], metric: str, params: Evaluate
) -> list[tuple[object, ...]]:
    """Return a line for each condition: the rate, and its change from what clean clips give.

    The change is paired: the same clips, and the same draws of their blocks.

    Args:
        measured: of the same clips in the same order, in each condition; CLEAN is among them.
        metric: "cer" or "wer".
        params: resamples, confidence and seed of the bootstrap.
    """
    return [
        (condition.name, condition.snr_db, *_line(measured[CLEAN], scores, metric, params))
        for condition, scores in measured.items()
    ]


def _line(
    clean: Sequence[Score], scores: Sequence[Score], metric: str, params: Evaluate
) -> list[object]:
    found, (_, blocks) = difference(clean, scores, metric, params), choose_blocks(scores)
    _, rates = resampled_pair(clean, scores, metric, blocks, params)
    interval = percentile_interval(rates, params.confidence, found.blocks)
    values = (found.new, *interval, found.change, found.low, found.high)
    return [*(round(value, DECIMALS) for value in values), found.clips, found.blocks, found.unit]
