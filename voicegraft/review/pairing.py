"""Pair the clips of two revisions that have the same reference."""

from collections.abc import Sequence
from dataclasses import dataclass

from voicegraft.evaluation.paired import Scored


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
