"""The clips that tell most of a classifier, by what it gives to the class that they are of."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.slices import by_split
from voicegraft.report.findings import Findings
from voicegraft.report.ranks import ranked


@dataclass(frozen=True)
class ClassClip:
    """What a model took a clip for."""

    model: str
    rank: str  # worst, median or best of its side
    score: ClassScore

    @property
    def given(self) -> float:
        """The probability of the class that the clip is of, 0 to 1."""
        return math.exp(-self.score.loss)


def shown_class_clips(findings: Findings, models: Iterable[str], count: int) -> list[ClassClip]:
    """Return `count` of each rank for each model and side."""
    return [
        ClassClip(model, rank, score)
        for model in models
        for of_split in by_split(findings.scores(model)).values()
        for rank, score in ranked(
            sorted(of_split, key=lambda s: (-s.loss, s.id)),
            sorted(of_split, key=lambda s: (s.loss, s.id)),
            count,
        )
    ]
