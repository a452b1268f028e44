"""Gains from self-training, and error rates of pseudo-labels by confidence."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from voicegraft.evaluation.classes.scores import score_classes
from voicegraft.evaluation.paired import Difference, Scored, difference, rate_of_all
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import DECIMALS, Evaluate
from voicegraft.model.objective import Classification
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.self_training import PseudoLabel
from voicegraft.training.loop import Trainer

BINS = 10
COLUMNS = ("split", "confidence", "error", "clips")


def scores(trainer: Trainer, clips: Sequence[Utterance]) -> list[Scored]:
    """Return the errors of the trained model on each of `clips`, from their stored states."""
    if not isinstance(trainer.bare.objective, Classification):
        return score(clips, trainer.predict(clips), trainer.bare.labels)
    found = {clip.id: emission[0] for clip, emission in trainer.emissions(clips)}
    emitted = torch.stack([found[clip.id] for clip in clips])
    return score_classes(clips, trainer.bare.labels, emitted.float().cpu().numpy())


def first_rate(of: Sequence[Scored]) -> str:
    """Return the name of the rate that decides verdicts."""
    return next(iter(of[0].RATES))


def kept_model(
    alone: Mapping[str, Sequence[Scored]], student: Sequence[Scored], params: Evaluate
) -> str:
    """Return the name of the model to keep: the student if it is significantly better than the best
    model trained on labels alone, or else the latter.
    """
    rate = first_rate(student)
    best = min(alone, key=lambda name: rate_of_all(alone[name], rate))
    found = difference(alone[best], student, rate, params)
    return "student" if found.verdict == "better" else best


def gains(
    alone: Mapping[str, Sequence[Scored]], student: Sequence[Scored], params: Evaluate
) -> dict[str, Any]:
    """Return the change of each rate from each model trained on labels alone to the student."""
    return {
        name: {
            rate: _numbers(difference(scores, student, rate, params)) for rate in student[0].RATES
        }
        for name, scores in alone.items()
    }


def error_of(
    trainer: Trainer, labels: Sequence[PseudoLabel], truth: Sequence[Utterance]
) -> float | None:
    """Return the error rate of pseudo-labels for clips of `truth`; None if no truth is known."""
    known = {clip.id: clip for clip in truth if clip.text or clip.label}
    judged = [label for label in labels if label.clip.id in known]
    if not judged:
        return None
    wanted = [known[label.clip.id] for label in judged]
    rates = trainer.bare.objective.rates(wanted, [label.prediction for label in judged])
    return round(next(iter(rates.values())), DECIMALS)


def by_confidence(
    split: str, trainer: Trainer, labels: Sequence[PseudoLabel], truth: Sequence[Utterance]
) -> list[tuple[str, float, float, int]]:
    """Return rows of COLUMNS for tenths of the clips by confidence, where the truth is known."""
    ordered = sorted(labels, key=lambda label: label.confidence)
    rows = []
    for part in np.array_split(np.arange(len(ordered)), min(BINS, len(ordered))):
        alike = [ordered[i] for i in part]
        error = error_of(trainer, alike, truth)
        if error is not None:
            sure = float(np.mean([label.confidence for label in alike]))
            rows.append((split, round(sure, DECIMALS), error, len(alike)))
    return rows


def _numbers(found: Difference) -> dict[str, Any]:
    numbers = ("old", "new", "change", "low", "high")
    rounded = {name: round(getattr(found, name), DECIMALS) for name in numbers}
    return rounded | {
        "verdict": found.verdict,
        "clips": found.clips,
        "blocks": found.blocks,
        "rough": found.rough,
    }
