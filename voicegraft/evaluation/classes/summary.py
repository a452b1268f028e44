"""Accuracy and macro-F1 with intervals by split and slice; precision, recall and F1 by class."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.classes.calibration import beliefs
from voicegraft.evaluation.classes.f1 import (
    CLIPS,
    PREDICTED,
    accuracy,
    classes_of,
    counts_of,
    f1,
    macro_f1,
    precision,
    rated,
    recall,
    resampled,
    rounded,
)
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.summary import Evaluate, by_split, rests_on, slices_by

RATES = {"accuracy": accuracy, "macro_f1": macro_f1}
COLUMNS = [f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")]
"""Columns of tables: each rate with the ends of its interval."""


def rates_in_words(line: dict[str, Any]) -> str:
    """Return both rates of a table's line, for the terminal."""
    rates = (
        f"{line[rate]:.3f} ({line[f'{rate}_low']:.3f} to {line[f'{rate}_high']:.3f})"
        for rate in RATES
    )
    return "accuracy {}, macro-F1 {}".format(*rates)


def metrics(scores: Sequence[ClassScore], params: Evaluate) -> dict[str, Any]:
    """Return a summary and the calibration for each split."""
    return {
        split: summarise(of_split, params) | _extent(of_split) | beliefs(of_split, params)
        for split, of_split in by_split(scores).items()
    }


def slice_metrics(scores: Sequence[ClassScore], params: Evaluate) -> list[dict[str, Any]]:
    """Return a summary for each slice by speaker and length in each split, with their names."""
    return [
        {"split": split, "kind": kind, "slice": name} | summarise(group, params)
        for split, of_split in by_split(scores).items()
        for kind, groups in slices_by(params, of_split).items()
        for name, group in groups.items()
    ]


def summarise(scores: Sequence[ClassScore], params: Evaluate) -> dict[str, Any]:
    """Return accuracy and macro-F1 over the classes of `scores`, and the intervals' blocks."""
    blocks = choose_blocks(scores)
    counts = counts_of(scores)
    drawn = resampled(counts, blocks, params)
    rates: dict[str, float] = {}
    for name, rate in RATES.items():
        rates |= rated(name, float(rate(counts.sum(0))), rate(drawn), blocks, params)
    return rates | {"clips": len(scores), **rests_on(blocks)}


def _extent(scores: Sequence[ClassScore]) -> dict[str, Any]:
    labels = [s.label for s in scores]
    untrained = [s.label for s in scores if not s.trained]
    return {
        "classes": len(set(labels)),
        "seconds": round(sum(s.seconds for s in scores), 1),
        # The accuracy of always predicting the most frequent class.
        "majority": rounded(max(Counter(labels).values()) / len(labels)),
        "untrained_classes": len(set(untrained)),
        # No model predicts a class that it lacks: its error rate cannot be lower.
        "untrained_floor": rounded(len(untrained) / len(labels)),
    }


def class_metrics(scores: Sequence[ClassScore], params: Evaluate) -> Iterator[dict[str, Any]]:
    """Yield a line for each class of each split.

    `clips` counts the clips of the class (scikit-learn's support), `predicted` its predictions;
    `trained` is 0 if the model lacks the class. The interval of recall is over the resamples that
    have clips of the class.
    """
    for split, of_split in by_split(scores).items():
        blocks, counts = choose_blocks(of_split), counts_of(of_split)
        drawn, whole = resampled(counts, blocks, params), counts.sum(0)
        trained = {s.label for s in of_split if s.trained}
        for i, name in enumerate(classes_of(of_split)):
            own = [s.label == name for s in of_split]
            found = np.where(drawn[..., CLIPS, i] > 0, recall(drawn)[..., i], np.nan)
            yield {
                "split": split,
                "class": name,
                "precision": rounded(precision(whole)[i]),
                **rated("recall", float(recall(whole)[i]), found, blocks.of(own), params),
                "f1": rounded(f1(whole)[i]),
                "clips": sum(own),
                "predicted": int(whole[PREDICTED, i]),
                "trained": int(name in trained),
            }
