"""Self-training: a teacher predicts pseudo-labels, and students are trained on them too.

A student is trained from scratch, on masked clips, and its teacher's input is not masked (noisy
student, Xie et al. 2020, https://arxiv.org/abs/1911.04252; of speech, Park et al. 2020,
https://arxiv.org/abs/2005.09629), and may be the teacher of another (Xu et al. 2020,
https://arxiv.org/abs/2005.09267). Confidence in a pseudo-label is its likelihood per letter (Kahn
et al. 2020, https://arxiv.org/abs/1909.09116); for a class, its probability.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor
from tqdm import tqdm

from voicegraft.model.batches import Padded
from voicegraft.model.objective import Objective
from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import UNLABELLED, Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.trainings import Trainings
from voicegraft.training.fit import Fit, scaled
from voicegraft.training.head import is_fitted
from voicegraft.training.loop import Trainer


@dataclass(frozen=True)
class PseudoLabel:
    """A clip with a prediction as its label or text."""

    clip: Utterance
    prediction: str
    confidence: float
    """From 0, for an empty prediction, to 1."""


def pseudo_labels(trainer: Trainer, clips: Sequence[Utterance]) -> list[PseudoLabel]:
    """Return the predictions of the model of `trainer` for `clips`, in their order."""
    found: dict[str, PseudoLabel] = {}
    with tqdm(total=len(clips), desc="labels", unit="clip", leave=False) as bar:
        for clip, emission in trainer.emissions(clips):
            objective = trainer.bare.objective
            prediction = objective.decode(emission)
            labelled = objective.with_prediction(clip, prediction)
            sure = confidence(objective, emission, labelled)
            found[clip.id] = PseudoLabel(labelled, prediction, sure)
            bar.update()
    return [found[clip.id] for clip in clips]


def confidence(objective: Objective, emission: Tensor, clip: Utterance) -> float:
    """Return the likelihood of the clip's label given `emission`, (frames, labels): for a text, the
    geometric mean over its letters.
    """
    if not objective.learnable(clip, len(emission)):
        return 0.0
    alone = Padded(emission[None], torch.tensor([len(emission)]))
    return math.exp(-objective.loss(alone, [clip]).item())


def surest(labels: Sequence[PseudoLabel], keep: float) -> list[Utterance]:
    """Return the share `keep` of most confident clips of each class, in their order.

    With one ranking for all clips, easy classes would displace the others.
    """
    usable = [label for label in labels if label.confidence > 0]
    by_class = defaultdict(list)
    for label in usable:
        by_class[label.clip.label].append(label)
    kept = set()
    for alike in by_class.values():
        alike.sort(key=lambda label: -label.confidence)
        kept |= {label.clip.id for label in alike[: math.ceil(keep * len(alike))]}
    return [label.clip for label in usable if label.clip.id in kept]


class SelfTrain(Section):
    """Knobs of the section `self_train`."""

    labelled_minutes: PositiveFloat | Literal["all"]
    keep: Annotated[float, Field(gt=0, le=1)]
    rounds: PositiveInt


@dataclass(frozen=True)
class Round:
    """The pseudo-labels of a teacher, the clips that were kept, and the student."""

    labels: list[PseudoLabel]
    kept: list[Utterance]
    student: Trainer


@dataclass(frozen=True)
class Trained:
    """Models that were trained on labelled clips alone, and the students.

    Attributes:
        alone: `teacher`, and `longer`, which is trained on the labelled clips for as many steps as
            a student on all clips; models that are fitted at once have no `longer`.
        rounds: at least one.
    """

    alone: dict[str, Trainer]
    rounds: list[Round]

    @property
    def models(self) -> dict[str, Trainer]:
        """The models that may be kept, by name; of the students, the last."""
        return self.alone | {"student": self.rounds[-1].student}


def parted(
    corpus: Corpus, minutes: float | Literal["all"], seed: int
) -> tuple[list[Utterance], list[Utterance]]:
    """Return the clips of train that keep their labels, and all other clips for training.

    The others are the corpus' unlabelled clips, and the rest of train.

    Raises:
        ValueError: if there are no others, or train has too few minutes.
    """
    train = corpus.of("train")
    labelled = train if minutes == "all" else _drawn(train, minutes, seed)
    known = {clip.id for clip in labelled}
    others = [clip for clip in corpus.of("train", UNLABELLED) if clip.id not in known]
    if not others:
        raise ValueError(
            f"self_train.labelled_minutes: {minutes} leaves no clip without its label, and the "
            f"corpus has none on the side {UNLABELLED}: lower it, or add some"
        )
    return labelled, others


def self_train(
    trainings: Trainings,
    fit: Fit,
    minutes: float,
    labelled: Sequence[Utterance],
    others: Sequence[Utterance],
    knobs: SelfTrain,
) -> Trained:
    """Train a teacher, and students in rounds.

    Args:
        trainings: trains them.
        fit: the budget for `minutes` of speech; it is scaled to other amounts.
        minutes: of speech for which `fit` is given.
        labelled: clips for the teacher.
        others: clips whose labels are not used.
        knobs: number of rounds, and share of clips that is kept.
    """
    teacher = trainings.train("teacher", labelled, _fit_for(labelled, fit, minutes, 0))
    hidden = [replace(clip, text="", label="") for clip in others]
    rounds: list[Round] = []
    for number in range(1, knobs.rounds + 1):
        labels = pseudo_labels(rounds[-1].student if rounds else teacher, hidden)
        kept = surest(labels, knobs.keep)
        lesson = [*labelled, *kept]
        budget = _fit_for(lesson, fit, minutes, number)
        rounds.append(Round(labels, kept, trainings.train(f"student {number}", lesson, budget)))
    alone = {"teacher": teacher}
    if not is_fitted(teacher.bare):
        everything = [*labelled, *others]
        times = minutes_of(everything) / minutes_of(labelled)
        again = _as_long(_fit_for(everything, fit, minutes, 0), times)
        alone["longer"] = trainings.train("longer", labelled, again)
    return Trained(alone, rounds)


def _drawn(train: Sequence[Utterance], minutes: float, seed: int) -> list[Utterance]:
    try:
        return draw(train, minutes, seed)
    except ValueError as error:
        raise ValueError(f"self_train.labelled_minutes: {error}") from None


def _fit_for(clips: Sequence[Utterance], fit: Fit, minutes: float, number: int) -> Fit:
    """Return the budget of a student; each student starts from other random weights."""
    budget = scaled(fit, minutes_of(clips) / minutes)
    return budget.model_copy(update={"seed": fit.seed + number})


def _as_long(fit: Fit, times: float) -> Fit:
    """Return a budget with `times` as many epochs: the same number of steps on less speech."""
    changes = {
        "epochs": math.ceil(fit.epochs * times),
        "patience": math.ceil(fit.patience * times),
    }
    return fit.model_copy(update=changes)
