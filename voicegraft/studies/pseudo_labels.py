"""Pseudo-labels: predictions for unlabelled clips, with confidence.

As sure as the likelihood of what it tells, by letter (Kahn et al. 2020,
https://arxiv.org/abs/1909.09116); of a class that is its probability.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from voicegraft.model.batches import Padded
from voicegraft.model.objective import Objective
from voicegraft.speech.manifest import Utterance
from voicegraft.training.loop import Trainer


@dataclass(frozen=True)
class PseudoLabel:
    """A clip as if what was told of it were its label."""

    clip: Utterance
    told: str
    confidence: float
    """From 0, where nothing was heard, to 1."""


def pseudo_labels(trainer: Trainer, clips: Sequence[Utterance]) -> list[PseudoLabel]:
    """Return what the model of `trainer` takes each of `clips` for, in their order."""
    found: dict[str, PseudoLabel] = {}
    with tqdm(total=len(clips), desc="labels", unit="clip", leave=False) as bar:
        for clip, emission in trainer.emissions(clips):
            objective = trainer.bare.objective
            told = objective.decode(emission)
            labelled = objective.as_told(clip, told)
            sure = confidence(objective, emission, labelled)
            found[clip.id] = PseudoLabel(labelled, told, sure)
            bar.update()
    return [found[clip.id] for clip in clips]


def confidence(objective: Objective, emission: Tensor, clip: Utterance) -> float:
    """Return the likelihood of the clip's label by `emission`, (frames, labels): of a text, the
    geometric mean over its letters.
    """
    if not objective.learnable(clip, len(emission)):
        return 0.0
    alone = Padded(emission[None], torch.tensor([len(emission)]))
    return math.exp(-objective.loss(alone, [clip]).item())


def surest(labels: Sequence[PseudoLabel], keep: float) -> list[Utterance]:
    """Return that share of the clips, the surest, in their order; of each class as large a one.

    Of all clips together, classes that are easy to tell would crowd out the others.
    """
    heard = [label for label in labels if label.confidence > 0]
    by_class = defaultdict(list)
    for label in heard:
        by_class[label.clip.label].append(label)
    kept = set()
    for alike in by_class.values():
        alike.sort(key=lambda label: -label.confidence)
        kept |= {label.clip.id for label in alike[: math.ceil(keep * len(alike))]}
    return [label.clip for label in heard if label.clip.id in kept]
