"""Which clips of two revisions can be compared: those of which both were asked the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from voicegraft.evaluation.paired import Scored


@dataclass(frozen=True)
class Pairing:
    """Clips in pairs, and how many have no partner."""

    old: list[Scored]
    new: list[Scored]
    """The same clips in the same order."""
    only_old: int
    only_new: int
    """Clips that one side alone has."""
    changed_references: int
    """Clips that both have, with another text or label to be measured by."""


def paired(old: Sequence[Scored], new: Sequence[Scored]) -> Pairing:
    """Return the clips that both were scored on by the same reference, in the order of `new`.

    Under another reference the same hypothesis has other errors: a difference between the two
    would be the corpus', and not the model's.
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
    """Return whether two scores of a clip are by the same text or label, as far as they say.

    A table from before references were marked says no more than their lengths.
    """
    marks = {old.reference, new.reference} - {""}
    return old.task == new.task and len(marks) < 2
