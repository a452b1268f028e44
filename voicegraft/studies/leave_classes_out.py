"""Leave-classes-out: each class in turn is unknown.

Classes are dealt into groups. In each fold one group is unknown on test, another is unknown on dev,
where the threshold is chosen, and the rest are trained. So unknown classes on test differ from
those that chose the threshold, as in practice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from voicegraft.evaluation.blocks import Blocks
from voicegraft.evaluation.classes.detection import (
    accepted,
    equal_error_rate,
    threshold,
    thresholds,
)
from voicegraft.evaluation.classes.f1 import rated, resampled
from voicegraft.evaluation.interval import resampled_rates
from voicegraft.evaluation.summary import CHOOSING, Evaluate
from voicegraft.studies.features import Clips
from voicegraft.studies.few_shot import MEASURES, Sure


@dataclass(frozen=True)
class Fold:
    """The clips of a split in one fold; clips that are neither known nor unknown are ignored."""

    confidence: np.ndarray
    known: np.ndarray
    unknown: np.ndarray
    right: np.ndarray
    chosen: float
    """The threshold chosen on dev."""


def leave_classes_out(
    sides: Mapping[str, Clips], folds: int, most: float, params: Evaluate
) -> Iterator[dict[str, Any]]:
    """Yield a line for each measure of confidence and split: the rates at the threshold of dev.

    Args:
        sides: train, dev, and the splits to score.
        folds: number of groups of classes.
        most: the share of dev's unknown clips that may pass, 0 to 1.
        params: of the bootstrap; its seed is used to deal the classes too.

    Raises:
        ValueError: if there are too few classes, or dev has no clip of a group.
    """
    groups = deal(sides["train"].labels, folds, params.seed)
    scored = {split: of for split, of in sides.items() if split != "train"}
    for name, sure in MEASURES.items():
        found: dict[str, list[Fold]] = {split: [] for split in scored}
        for i in tqdm(range(folds), desc=name, unit="fold"):
            for split, fold in _fold(sides, groups[i - 1], groups[i], sure, most).items():
                found[split].append(fold)
        for split, of in scored.items():
            yield {"split": split, "measure": name} | _summary(found[split], of.blocks, params)


def enough(classes: int, folds: int) -> bool:
    """Return whether so many classes can be dealt: at least two must be left for training."""
    first, second = -(-classes // folds), -(-(classes - 1) // folds)
    return folds <= classes and classes - first - second >= 2


def deal(labels: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return the classes in groups of similar size.

    Raises:
        ValueError: if a fold would leave fewer than two classes for training.
    """
    classes = np.random.default_rng(seed).permutation(sorted(set(labels)))
    if not enough(len(classes), folds):
        raise ValueError(
            f"leave_classes_out.folds: {folds} groups of {len(classes)} classes: two groups are "
            "unknown at a time, and at least two classes must be left for training"
        )
    return [list(map(str, group)) for group in np.array_split(classes, folds)]


def _fold(
    sides: Mapping[str, Clips], on_dev: list[str], on_test: list[str], sure: Sure, most: float
) -> dict[str, Fold]:
    labels = {split: np.asarray(of.labels) for split, of in sides.items()}
    learnt = ~np.isin(labels["train"], on_dev + on_test)
    scored = [split for split in sides if split != "train"]
    others = np.concatenate([sides[split].features for split in scored])
    answers = sure(sides["train"].features[learnt], labels["train"][learnt], others)
    ends = np.cumsum([len(labels[split]) for split in scored])[:-1]
    predicted, confidence = (dict(zip(scored, np.split(a, ends), strict=True)) for a in answers)
    unknown = confidence[CHOOSING][np.isin(labels[CHOOSING], on_dev)]
    if not len(unknown):
        raise ValueError(f"{CHOOSING} has no clip of {', '.join(on_dev)} to choose a threshold by")
    return {
        split: Fold(
            confidence[split],
            known=np.isin(labels[split], labels["train"][learnt]),
            unknown=np.isin(labels[split], on_dev if split == CHOOSING else on_test),
            right=predicted[split] == labels[split],
            chosen=threshold(unknown, most),
        )
        for split in scored
    }


def _summary(folds: Sequence[Fold], blocks: Blocks, params: Evaluate) -> dict[str, Any]:
    passed = [fold.confidence > fold.chosen for fold in folds]
    unknown, known = sum(f.unknown for f in folds), sum(f.known for f in folds)
    taken = sum(p & f.unknown for p, f in zip(passed, folds, strict=True))
    found = sum(p & f.known & f.right for p, f in zip(passed, folds, strict=True))
    return {
        **_equal_error(folds, blocks, params),
        **_ratio("false_accept_rate", taken, unknown, blocks, params),
        **_ratio("accuracy", found, known, blocks, params),
        "unknown_clips": int(unknown.sum()),
    }


def _ratio(
    name: str, part: np.ndarray, whole: np.ndarray, blocks: Blocks, params: Evaluate
) -> dict[str, float]:
    drawn = resampled_rates(part, whole, blocks, params.resamples, params.seed)
    return rated(name, part.sum() / max(whole.sum(), 1), drawn, blocks, params)


def _equal_error(folds: Sequence[Fold], blocks: Blocks, params: Evaluate) -> dict[str, float]:
    """Return the mean equal error rate over folds, each with its own thresholds."""
    limits = thresholds(np.concatenate([fold.confidence for fold in folds]))
    counts = np.stack([_accepted(fold, limits) for fold in folds], axis=1)
    whole, drawn = counts.sum(0), resampled(counts, blocks, params)
    means = (equal_error_rate(of).mean(-1) for of in (whole, drawn))
    return rated("equal_error_rate", *means, blocks, params)


def _accepted(fold: Fold, limits: np.ndarray) -> np.ndarray:
    counted = (fold.known | fold.unknown)[:, None, None]
    return counted * accepted(fold.confidence, fold.unknown, fold.right, limits)
