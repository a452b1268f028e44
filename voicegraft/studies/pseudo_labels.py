"""Pseudo-labels: predictions for unlabelled clips, with confidence.

Confidence is the likelihood of the prediction per letter (Kahn et al. 2020,
https://arxiv.org/abs/1909.09116); for a class, its probability.
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
