"""utterances.csv of a classifier: a line for each clip, from which all rates can be computed."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import numpy as np

from voicegraft.evaluation.scores import blocks_by_split
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance

DECIMALS = 7
"""The precision of a log-softmax in float32 for a probability near 1."""


@dataclass(frozen=True)
class ClassScore:
    """A clip with its label and its predicted class."""

    RATES: ClassVar = {"error_rate": ("errors", "clips")}
    """Each rate with its numerator and denominator, as in `Score`."""

    id: str
    split: str
    speaker: str
    session: str
    block: str  # as in `Score`
    seconds: float
    label: str
    predicted: str
    probability: float  # of the predicted class
    loss: float  # -ln of the probability of the label; infinite if the model lacks that class

    clips: ClassVar = 1
    reference: ClassVar = ""
    """No mark is needed: the label is a field, and a part of `task`."""

    @property
    def correct(self) -> int:
        """1 if the predicted class is the label, else 0."""
        return int(self.label == self.predicted)

    @property
    def errors(self) -> int:
        """1 if it is not, else 0."""
        return 1 - self.correct

    @property
    def trained(self) -> bool:
        """Whether the model has the clip's class."""
        return math.isfinite(self.loss)

    @property
    def task(self) -> tuple[str, str, str]:
        """The key by which clips of two models are the same."""
        return self.id, self.split, self.label


TYPES = {f.name: f.type for f in fields(ClassScore)}
COLUMNS = (*TYPES, "correct")


def score_classes(
    utterances: Sequence[Utterance], classes: Sequence[str], log_probabilities: np.ndarray
) -> list[ClassScore]:
    """Return the score of each clip.

    Args:
        utterances: with labels.
        classes: of the model, in the order of its columns.
        log_probabilities: natural logarithms, (clips, classes).

    Raises:
        ValueError: naming a clip without a label, or with NaN emissions.
    """
    blocks, column = blocks_by_split(utterances), {name: i for i, name in enumerate(classes)}
    return [
        _score(utterance, blocks[utterance.id], classes, column, row)
        for utterance, row in zip(utterances, log_probabilities, strict=True)
    ]


def _score(
    utterance: Utterance,
    block: str,
    classes: Sequence[str],
    column: dict[str, int],
    row: np.ndarray,
) -> ClassScore:
    if not utterance.label:
        raise ValueError(f"{utterance.id} has no label: prepare the corpus for classification")
    if np.isnan(row).any():
        raise ValueError(f"{utterance.id}: the model emits NaN for some class")
    best, own = int(row.argmax()), column.get(utterance.label)
    return ClassScore(
        id=utterance.id,
        split=utterance.split,
        speaker=utterance.speaker,
        session=utterance.session,
        block=block,
        seconds=round(utterance.seconds, 3),
        label=utterance.label,
        predicted=classes[best],
        probability=round(math.exp(row[best]), DECIMALS),
        loss=math.inf if own is None else round(abs(float(row[own])), DECIMALS),
    )


def write_class_scores(path: Path, scores: Sequence[ClassScore]) -> None:
    """Write `scores` in the order given."""
    write_rows(path, COLUMNS, ([getattr(s, name) for name in COLUMNS] for s in scores))


def parse_class_scores(table: str) -> list[ClassScore]:
    """Parse the text of utterances.csv."""
    return [
        ClassScore(**{name: kind(row[name]) for name, kind in TYPES.items()})
        for row in csv.DictReader(io.StringIO(table, newline=""))
    ]
