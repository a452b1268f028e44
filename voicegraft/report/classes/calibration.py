"""Whether what a model gives a class can be believed: accuracy by confidence."""

from collections.abc import Iterator, Sequence
from typing import Any

from voicegraft.report.classes import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides
from voicegraft.report.plots import Plot


def reliability_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a reliability diagram of all models for each side of the corpus."""
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
