"""Invented clips with classes, and what a classifier took them for."""

import math

import numpy as np
from scored import PARAMS

from voicegraft.evaluation.classes.scores import ClassScore

CLASSES = ("flat", "rise", "dip", "fall")


def class_scores(right=0.8, seed=1, clips=240, sessions=20, split="test", classes=CLASSES):
    """Clips whose difficulty is shared by their session, of which about `right` are right."""
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(99).gamma(8, 1 / 8, sessions)
    found = []
    for number in range(clips):
        session, label = number % sessions, classes[number // sessions % len(classes)]
        wrong = rng.random() < (1 - right) * hard[session]
        others = [name for name in classes if name != label]
        found.append(
            clip(
                number,
                label,
                others[rng.integers(len(others))] if wrong else label,
                float(rng.uniform(0.5, 1)),
                f"session{session}",
                split,
            )
        )
    return found


def clip(number, label, predicted, probability=0.9, session="", split="test", loss=None):
    """Return one clip; its loss is what its own class was given, or a share of what is left."""
    given = probability if label == predicted else (1 - probability) / 3
    return ClassScore(
        id=f"{split}/{number}",
        split=split,
        speaker=f"{session} voice{number % 3}" if session else "",
        session=session,
        block=session or f"{split}/{number}",
        seconds=1.0 + number % 5,
        label=label,
        predicted=predicted,
        probability=probability,
        loss=-math.log(max(given, 1e-9)) if loss is None else loss,
    )


QUICK = PARAMS.model_copy(update={"resamples": 1_000, "fewest_speaker_clips": 5})
