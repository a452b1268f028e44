"""What two models are compared by: the rates of their task, and what each is called."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from voicegraft.evaluation.classes.paired_f1 import f1_difference
from voicegraft.evaluation.classes.scores import ClassScore, parse_class_scores
from voicegraft.evaluation.paired import Difference, Scored, difference
from voicegraft.evaluation.scores import parse_scores
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.task import CLASSIFICATION, TRANSCRIPTION
from voicegraft.review.pairing import same_reference

PARSERS = {TRANSCRIPTION: parse_scores, CLASSIFICATION: parse_class_scores}
"""How utterances.csv of each task is read."""

NAMES = {"cer": "CER", "wer": "WER", "error_rate": "error rate", "macro_f1": "macro-F1"}


def differences(
    old: Sequence[Scored],
    new: Sequence[Scored],
    params: Evaluate,
    noise: Mapping[str, Any] | None = None,
) -> dict[str, Difference]:
    """Return how every rate of two models on the same clips differs, the one to judge by first.

    Args:
        old: of each clip, by the one.
        new: of the same clips, by the other.
        params: of the bootstrap.
        noise: as for `voicegraft.evaluation.paired.difference`.
    """
    found = {metric: difference(old, new, metric, params, noise) for metric in new[0].RATES}
    if isinstance(new[0], ClassScore):
        found["macro_f1"] = f1_difference(old, new, params)
    return found


def same_errors(old: Sequence[Scored], new: Sequence[Scored]) -> bool:
    """Return whether two models do the same on the same clips.

    Of classes how sure they are is no error: it differs from one processor to another.
    """
    return len(old) == len(new) and all(map(_same, old, new))


def _same(old: Scored, new: Scored) -> bool:
    if isinstance(new, ClassScore):
        return (old.task, old.predicted) == (new.task, new.predicted)
    return same_reference(old, new) and replace(old, reference=new.reference) == new
