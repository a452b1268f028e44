"""Classes and calibration of classifiers in the report."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.summary import by_split
from voicegraft.report.classes import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides
from voicegraft.report.plots import Plot


@dataclass(frozen=True)
class Classes:
    """Scores of a model by class."""

    model: str
    lines: list[dict[str, str]]
    """Lines of classes.csv: precision, recall with its interval, F1."""
    matrices: list[Plot]
    """A confusion matrix for each split."""


def by_class(findings: Findings, models: Sequence[Model]) -> Iterator[Classes]:
    """Yield the scores by class of each model."""
    for model in models:
        lines = findings.rows(f"evaluation/{model.name}/classes.csv") or []
        matrices = [
            Plot(f"Confusion matrix of {model.name} on {split}", charts.matrix(_cells(scores)))
            for split, scores in by_split(findings.scores(model.name)).items()
        ]
        yield Classes(model.name, lines, matrices)


def _cells(scores: Sequence[ClassScore]) -> list[dict[str, object]]:
    totals = Counter(s.label for s in scores)
    counts = Counter((s.label, s.predicted) for s in scores)
    return [
        {
            "actual": actual,
            "predicted": predicted,
            "count": count,
            "share": round(count / totals[actual], 4),
        }
        for (actual, predicted), count in sorted(counts.items())
    ]


def reliability_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a reliability diagram of all models for each split."""
    rows = [row for model in models for row in _rows(findings, model)]
    names = [model.title for model in models]
    plots = {split: [row for row in rows if row["split"] == split] for split in sides(models)}
    return [
        Plot(f"Accuracy by confidence on {split}", charts.reliability(of_split, names))
        for split, of_split in plots.items()
        if of_split
    ]


def _rows(findings: Findings, model: Model) -> Iterator[dict[str, Any]]:
    for line in findings.rows(f"evaluation/{model.name}/calibration.csv") or []:
        yield {
            "split": line["split"],
            "series": model.title,
            "confidence": float(line["confidence"]),
            "value": float(line["accuracy"]),
            "low": float(line["accuracy_low"]),
            "high": float(line["accuracy_high"]),
            "clips": int(line["clips"]),
        }
