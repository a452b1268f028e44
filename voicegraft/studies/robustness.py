"""Robustness: error rates of the same clips in degraded conditions, for robustness.csv."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import NonNegativeInt

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.interval import rate_interval
from voicegraft.evaluation.paired import Scored, difference, resampled_pair
from voicegraft.evaluation.summary import DECIMALS, Evaluate
from voicegraft.pipeline.params import Section
from voicegraft.pipeline.provenance import KEY, cell
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.degradation import Condition, Degradation, DegradedCorpus
from voicegraft.speech.manifest import Corpus

CLEAN = Condition()


class Robustness(Section):
    """Knobs of the study robustness."""

    conditions: list[Degradation]
    seed: NonNegativeInt

    @property
    def tested(self) -> list[Condition]:
        """Each condition once; clean clips, which all others are compared with, come first."""
        each = (condition for entry in self.conditions for condition in entry.conditions)
        return list(dict.fromkeys([CLEAN, *each]))


def measure(
    params: Robustness, corpus: Corpus, score: Callable[[Corpus], list[Scored]]
) -> dict[Condition, list[Scored]]:
    """Return the scores of the corpus in each condition, and print the conditions."""
    measured = {}
    for condition in params.tested:
        print(_in_words(condition.name, condition.snr_db), file=sys.stderr)
        measured[condition] = score(DegradedCorpus(corpus, condition, params.seed))
    return measured


def write_robustness(
    path: Path,
    measured: Mapping[Condition, Sequence[Scored]],
    metric: str,
    params: Evaluate,
    of: Sequence[str] = (),
) -> None:
    """Write and print a line for each condition; `of` are lines from `provenance`."""
    table = rows(measured, metric, params)
    path.parent.mkdir(parents=True, exist_ok=True)  # the model may not be evaluated yet
    write_rows(path, (*columns(metric), KEY), [(*row, cell(of)) for row in table])
    for name, snr_db, *rates in table:
        print(f"{_in_words(name, snr_db)}: {metric} {rates[0]:.3f}")


def write_clips(
    path: Path, measured: Mapping[Condition, Sequence[Scored]], names: Sequence[str]
) -> None:
    """Write a line for each clip in each condition, with the columns `names` of its score."""
    lines = (
        (condition.name, condition.snr_db, *(getattr(score, name) for name in names))
        for condition, scores in measured.items()
        for score in scores
    )
    write_rows(path, ("condition", "snr_db", *names), lines)


def columns(metric: str) -> tuple[str, ...]:
    """Return the header of robustness.csv; the level is empty without noise."""
    rates = [f"{name}{end}" for name in (metric, "change") for end in ("", "_low", "_high")]
    return "condition", "snr_db", *rates, "clips", "blocks", "block_unit"


def rows(
    measured: Mapping[Condition, Sequence[Scored]], metric: str, params: Evaluate
) -> list[tuple[object, ...]]:
    """Return a line for each condition: the rate, and its change from clean clips.

    The change is paired: both have the same clips and the same draws of blocks.

    Args:
        measured: of the same clips in the same order, in each condition; CLEAN is among them.
        metric: "cer" or "wer"; for classes "error_rate".
        params: resamples, confidence and seed of the bootstrap.
    """
    return [
        (condition.name, condition.snr_db, *_line(measured[CLEAN], scores, metric, params))
        for condition, scores in measured.items()
    ]


def _line(
    clean: Sequence[Scored], scores: Sequence[Scored], metric: str, params: Evaluate
) -> list[object]:
    found, blocks = difference(clean, scores, metric, params), choose_blocks(scores)
    _, drawn = resampled_pair(clean, scores, metric, blocks, params)
    ends = rate_interval(found.new, drawn, blocks, params.confidence)
    values = (found.new, *ends, found.change, found.low, found.high)
    return [*(round(value, DECIMALS) for value in values), found.clips, found.blocks, found.unit]


def _in_words(condition: str, snr_db: float | None) -> str:
    return condition if snr_db is None else f"{condition} at {snr_db:g} dB"
