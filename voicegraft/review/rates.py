"""The rates by which two models are compared, on clips that have the same reference in both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from voicegraft.evaluation.classes.f1 import f1_difference
from voicegraft.evaluation.classes.scores import ClassScore, parse_class_scores
from voicegraft.evaluation.paired import Difference, Scored, difference
from voicegraft.evaluation.scores import parse_scores
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.params import CLASSIFICATION, TRANSCRIPTION

PARSERS = {TRANSCRIPTION: parse_scores, CLASSIFICATION: parse_class_scores}
"""Parsers of utterances.csv by task."""

NAMES = {"cer": "CER", "wer": "WER", "error_rate": "error rate", "macro_f1": "macro-F1"}


@dataclass(frozen=True)
class Pairing:
    """Paired clips, and numbers of unpaired ones."""

    old: list[Scored]
    new: list[Scored]
    """The same clips in the same order."""
    only_old: int
    only_new: int
    """Numbers of clips that only one revision has."""
    changed_references: int
    """Number of clips in both with another text or label."""


def paired(old: Sequence[Scored], new: Sequence[Scored]) -> Pairing:
    """Return the clips that both revisions scored with the same reference, in the order of `new`.

    With another reference the same hypothesis has other errors: the difference would be due to the
    corpus, not to the model.
    """
    before = {(score.id, score.split): score for score in old}
    both = [(before[key], s) for s in new if (key := (s.id, s.split)) in before]
    alike = [pair for pair in both if same_reference(*pair)]
    return Pairing(
        [pair[0] for pair in alike],
        [pair[1] for pair in alike],
        only_old=len(old) - len(both),
        only_new=len(new) - len(both),
        changed_references=len(both) - len(alike),
    )


def same_reference(old: Scored, new: Scored) -> bool:
    """Return whether two scores of a clip have the same text or label, as far as is known.

    Tables of older versions have no marks, only lengths.
    """
    marks = {old.reference, new.reference} - {""}
    return old.task == new.task and len(marks) < 2


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
