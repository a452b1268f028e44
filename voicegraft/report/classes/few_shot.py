"""How well classes are told from a few clips of each."""

from collections.abc import Sequence
from typing import Any

from voicegraft.report.classes import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides
from voicegraft.report.plots import Plot
from voicegraft.report.rates import heading


def few_shot_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of each rate by clips of a class; dashed is the best model, which has all."""
    lines = findings.rows("evaluation/few_shot.csv") or []
    return [
        Plot(
            f"{heading(name)} by clips of each class",
            charts.shots([_row(line, rate, models[0]) for line in lines], sides(models)),
        )
        for rate, name in findings.rates.scored.items()
        if lines
    ]


def _row(line: dict[str, str], rate: str, best: Model) -> dict[str, Any]:
    return {
        "series": line["split"],
        "shots": int(line["shots"]),
        "value": float(line[rate]),
        "low": float(line[f"{rate}_low"]),
        "high": float(line[f"{rate}_high"]),
        "all": best.metrics.get(line["split"], {}).get(rate),
    }
