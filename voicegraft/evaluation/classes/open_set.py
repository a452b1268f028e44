"""Clips that belong to no known class: false accepts, and known clips refused.

The threshold is chosen on dev, so that few unknown clips pass; the false accept rate on test is
reported.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.classes.detection import (
    accepted,
    equal_error_rate,
    false_accepts,
    found,
    threshold,
    thresholds,
)
from voicegraft.evaluation.classes.f1 import rated, resampled
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.summary import CHOOSING, Evaluate, by_split
from voicegraft.pipeline.params import CLASSIFICATION, Section


class OpenSet(Section):
    """The labels of the unknown class, and the share of it that may be accepted."""

    unknown_labels: list[str]
    max_false_accepts: Annotated[float, Field(ge=0, lt=1)]

    def known(self, scores: Sequence[ClassScore]) -> list[ClassScore]:
        """Return the clips of known classes."""
        return [s for s in scores if not self.is_unknown(s)]

    def unknown(self, scores: Sequence[ClassScore]) -> list[ClassScore]:
        """Return the clips of the unknown class."""
        return [s for s in scores if self.is_unknown(s)]

    def is_unknown(self, score: ClassScore) -> bool:
        """Return whether the clip is of the unknown class."""
        return score.label in self.unknown_labels

    def known_probability(self, score: ClassScore) -> float:
        """Return how sure the model is of a known class: 0 where it predicts an unknown one.

        Otherwise the largest probability (Hendrycks and Gimpel 2017,
        https://arxiv.org/abs/1610.02136).
        """
        return 0.0 if score.predicted in self.unknown_labels else score.probability


class EvaluateClasses(Evaluate, OpenSet):
    """Knobs of the section `evaluate` for classifiers."""


def evaluate_of(task: str) -> type[Evaluate]:
    """Return the knobs of the section `evaluate`: for texts, or for classes."""
    return EvaluateClasses if task == CLASSIFICATION else Evaluate


def check_unknown(knobs: OpenSet, scores: Sequence[ClassScore]) -> None:
    """Refuse an unknown label without clips, and unknown labels without clips in dev.

    Raises:
        ValueError: naming the label and the known ones.
    """
    labels = {s.label for s in scores}
    if strange := sorted(set(knobs.unknown_labels) - labels):
        raise ValueError(
            f"evaluate.unknown_labels: no clip has the label {strange[0]!r} in dev, test or "
            f"unseen, which have {', '.join(sorted(labels))}"
        )
    if knobs.unknown_labels and CHOOSING not in {s.split for s in knobs.unknown(scores)}:
        raise ValueError(
            f"evaluate.unknown_labels: {CHOOSING}, where the threshold is chosen, has no clip of "
            f"{', '.join(knobs.unknown_labels)}"
        )
    if all(s.split == CHOOSING for s in knobs.known(scores)):
        raise ValueError("evaluate.unknown_labels: no known clip is left to be scored")


RATES = {"false_accept_rate": (false_accepts, True), "accuracy": (found, False)}
"""Each rate, with whether it is a share of the unknown clips or of the known ones."""
CURVE = (
    *("split", "threshold", "false_accept_rate", "false_accept_rate_low", "false_accept_rate_high"),
    *("accuracy", "accuracy_low", "accuracy_high"),
)


def open_set_metrics(
    scores: Sequence[ClassScore], knobs: OpenSet, params: Evaluate
) -> dict[str, dict[str, Any]]:
    """Return for each scored split the rates at the threshold chosen on dev.

    `accuracy` is the share of known clips that are accepted with the right class.

    Args:
        scores: of known and unknown clips, of dev and of the scored splits.
        knobs: the unknown labels, and the share of unknown clips of dev that may pass.
        params: of the bootstrap.
    """
    unknown = knobs.unknown([s for s in scores if s.split == CHOOSING])
    if not unknown:
        return {}
    chosen = threshold([knobs.known_probability(s) for s in unknown], knobs.max_false_accepts)
    return {
        split: {"threshold": chosen} | _at(chosen, of_split, knobs, params)
        for split, of_split in _scored(scores, knobs)
    }


def open_set_rows(
    scores: Sequence[ClassScore], knobs: OpenSet, params: Evaluate
) -> Iterator[list[Any]]:
    """Yield rows of `CURVE`: the rates at decreasing thresholds."""
    for split, of_split in _scored(scores, knobs):
        limits = thresholds(np.array([knobs.known_probability(s) for s in of_split]))
        rates = _rates(limits, of_split, knobs, params)
        for limit, line in zip(limits, rates, strict=True):
            yield [split, float(limit), *line.values()]


def _scored(scores: Sequence[ClassScore], knobs: OpenSet) -> Iterator[tuple[str, list[ClassScore]]]:
    """Yield each split except dev that has known and unknown clips."""
    for split, of_split in by_split(scores).items():
        if split != CHOOSING and knobs.unknown(of_split) and knobs.known(of_split):
            yield split, of_split


def _at(
    chosen: float, scores: Sequence[ClassScore], knobs: OpenSet, params: Evaluate
) -> dict[str, Any]:
    (rates,) = _rates(np.array([chosen]), scores, knobs, params)
    limits = thresholds(np.array([knobs.known_probability(s) for s in scores]))
    blocks, counts = choose_blocks(scores), _counts(limits, scores, knobs)
    equal = (equal_error_rate(of) for of in (counts.sum(0), resampled(counts, blocks, params)))
    return {
        **rates,
        **rated("equal_error_rate", *equal, blocks, params),
        "known_clips": len(knobs.known(scores)),
        "unknown_clips": len(knobs.unknown(scores)),
    }


def _rates(
    limits: np.ndarray, scores: Sequence[ClassScore], knobs: OpenSet, params: Evaluate
) -> list[dict[str, float]]:
    """Return false accepts and accuracy at each threshold, with intervals."""
    blocks, counts = choose_blocks(scores), _counts(limits, scores, knobs)
    whole, drawn = counts.sum(0), resampled(counts, blocks, params)
    lines: list[dict[str, float]] = [{} for _ in limits]
    for name, (rate, unknown) in RATES.items():
        own = blocks.of([knobs.is_unknown(s) == unknown for s in scores])
        shares, resamples = rate(whole), rate(drawn)
        for i, line in enumerate(lines):
            line |= rated(name, shares[i], resamples[..., i], own, params)
    return lines


def _counts(limits: np.ndarray, scores: Sequence[ClassScore], knobs: OpenSet) -> np.ndarray:
    return accepted(
        np.array([knobs.known_probability(s) for s in scores]),
        np.array([knobs.is_unknown(s) for s in scores]),
        np.array([bool(s.correct) for s in scores]),
        limits,
    )
