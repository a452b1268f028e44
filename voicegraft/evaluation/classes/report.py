"""Write evaluation/<model>/ of a classifier: numbers, ids, speakers and names of classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicegraft.evaluation.classes.calibration import calibration_lines
from voicegraft.evaluation.classes.open_set import (
    CHOOSING,
    CURVE,
    OpenSet,
    open_set_metrics,
    open_set_rows,
)
from voicegraft.evaluation.classes.scores import DECIMALS, ClassScore, write_class_scores
from voicegraft.evaluation.classes.summary import class_metrics, metrics, slice_metrics
from voicegraft.evaluation.pseudonyms import AS_THEY_ARE, Names
from voicegraft.evaluation.report import headline_rates, rests_in_words
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.provenance import KEY
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance


def write_class_evaluation(
    folder: Path,
    scores: Sequence[ClassScore],
    knobs: OpenSet,
    params: Evaluate,
    of: Sequence[str] = (),
    names: Names = AS_THEY_ARE,
) -> dict[str, Any]:
    """Fill `folder`, and return the content of rates.json for each split.

    metrics.json is written last: if it exists, the rest is complete. dev.csv has the clips that
    choose the control and the threshold, utterances.csv the scored clips, unknown.csv the clips of
    the unknown class in all splits.

    Args:
        folder: created if needed.
        scores: of dev, test and unseen.
        knobs: for the unknown labels.
        params: for intervals and slices.
        of: lines from `provenance`.
        names: for git, of clips, speakers and sessions.
    """
    scores = names.committed(scores)
    known = knobs.known(scores)
    scored = [s for s in known if s.split != CHOOSING]
    folder.mkdir(parents=True, exist_ok=True)
    write_class_scores(folder / "utterances.csv", scored)
    write_class_scores(folder / "dev.csv", [s for s in known if s.split == CHOOSING])
    write_class_scores(folder / "unknown.csv", knobs.unknown(scores))
    _write_tables(folder, scored, params)
    write_rows(folder / "open_set.csv", CURVE, open_set_rows(scores, knobs, params))
    summary = metrics(scored, params)
    for split, found in open_set_metrics(scores, knobs, params).items():
        summary[split]["open_set"] = found
    write_json(folder / "rates.json", summary | {KEY: list(of)})
    rates = headline_rates(folder.name, summary, ("accuracy", "macro_f1"))
    write_json(folder / "metrics.json", rates)
    return summary


def write_probabilities(
    path: Path, utterances: Sequence[Utterance], labels: Sequence[str], found: np.ndarray
) -> None:
    """Write the probability of each class, from log-probabilities (clips, classes)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        (u.id, u.split, u.label, *(round(p, DECIMALS) for p in probabilities))
        for u, probabilities in zip(utterances, np.exp(found).tolist(), strict=True)
    )
    write_rows(path, ("id", "split", "label", *labels), rows)


def _write_tables(folder: Path, scored: Sequence[ClassScore], params: Evaluate) -> None:
    tables = {
        "classes": class_metrics(scored, params),
        "slices": slice_metrics(scored, params),
        "calibration": calibration_lines(scored, params),
    }
    for name, lines in tables.items():
        rows = list(lines)
        write_rows(folder / f"{name}.csv", list(rows[0]), [list(row.values()) for row in rows])
    pairs = [(s.label, s.predicted) for s in scored]
    write_rows(folder / "confusion.csv", ("actual", "predicted"), pairs)


def class_headline(summary: dict[str, Any]) -> list[str]:
    """Return a line for each split, and one for its unknown class, for the terminal."""
    lines = []
    for split, s in summary.items():
        lines.append(
            f"{split}: accuracy {_in_words(s, 'accuracy')}, macro-F1 {_in_words(s, 'macro_f1')} on "
            f"{s['clips']} clips of {s['classes']} classes, {rests_in_words(s)}; the most frequent "
            f"class is {s['majority']:.3f} of them"
        )
        if found := s.get("open_set"):
            lines.append(
                f"{split}, open set: {_in_words(found, 'accuracy')} of known clips found at the "
                f"threshold of dev, which {_in_words(found, 'false_accept_rate')} of "
                f"{found['unknown_clips']} unknown ones pass"
            )
    return lines


def _in_words(summary: dict[str, Any], name: str) -> str:
    low, high = (summary[f"{name}_{end}"] for end in ("low", "high"))
    return f"{summary[name]:.3f} ({low:.3f} to {high:.3f})"
