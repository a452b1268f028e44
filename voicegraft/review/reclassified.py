"""The clips that a classifier takes for another class than it did; names of classes are in git."""

from collections.abc import Sequence
from dataclasses import dataclass

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.paired import in_common


@dataclass(frozen=True)
class Reclassified:
    """A clip whose class is another one now."""

    old: ClassScore
    new: ClassScore

    @property
    def verdict(self) -> str:
        """Return better, worse, or indistinguishable where it was wrong and is."""
        if self.new.correct:
            return "better"
        return "worse" if self.old.correct else "indistinguishable"


ORDER = ("worse", "better", "indistinguishable")


def reclassified(old: Sequence[ClassScore], new: Sequence[ClassScore]) -> list[Reclassified]:
    """Return the clips in both that changed: those now wrong first, the surest before others."""
    pairs = zip(*in_common(old, new), strict=True)
    found = [Reclassified(*pair) for pair in pairs if pair[0].predicted != pair[1].predicted]
    return sorted(found, key=lambda r: (ORDER.index(r.verdict), -r.new.probability, r.new.id))
