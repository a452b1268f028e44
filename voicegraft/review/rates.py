"""The rates by which two models are compared, and their names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from voicegraft.evaluation.classes.f1 import f1_difference
from voicegraft.evaluation.classes.scores import ClassScore, parse_class_scores
from voicegraft.evaluation.paired import Difference, Scored, difference
from voicegraft.evaluation.scores import parse_scores
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.params import CLASSIFICATION, TRANSCRIPTION
from voicegraft.review.pairing import same_reference

PARSERS = {TRANSCRIPTION: parse_scores, CLASSIFICATION: parse_class_scores}
"""Parsers of utterances.csv by task."""

NAMES = {"cer": "CER", "wer": "WER", "error_rate": "error rate", "macro_f1": "macro-F1"}


def differences(
    old: Sequence[Scored],
    new: Sequence[Scored],
    params: Evaluate,
    noise: Mapping[str, Any] | None = None,
) -> dict[str, Difference]:
    """Return the difference in every rate of two models on the same clips, the main rate first.

    Args:
        old: of each clip, by the first model.
        new: of the same clips, by the second model.
        params: of the bootstrap.
        noise: see `voicegraft.evaluation.paired.difference`.
    """
    found = {metric: difference(old, new, metric, params, noise) for metric in new[0].RATES}
    if isinstance(new[0], ClassScore):
        found["macro_f1"] = f1_difference(old, new, params)
    return found


def same_errors(old: Sequence[Scored], new: Sequence[Scored]) -> bool:
    """Return whether two models make the same predictions on the same clips.

    For classes, confidence is ignored, because it differs between processors.
    """
    return len(old) == len(new) and all(map(_same, old, new))


def _same(old: Scored, new: Scored) -> bool:
    if isinstance(new, ClassScore):
        return (old.task, old.predicted) == (new.task, new.predicted)
    return same_reference(old, new) and replace(old, reference=new.reference) == new
