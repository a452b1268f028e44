"""How well clips of no class are refused: those the corpus has, and classes that are left out."""

from collections.abc import Iterator, Sequence
from typing import Any

from voicegraft.report import charts
from voicegraft.report.classes.charts import acceptance
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides
from voicegraft.report.plots import Plot, interval_row

SERIES = ("dev", "test", "unseen")
EQUAL = "equal_error_rate"


def refusals(models: Sequence[Model]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (model, side, what of its unknown clips passes the threshold of dev)."""
    for model in models:
        for split, metrics in model.metrics.items():
            if found := metrics.get("open_set"):
                yield model.name, split, found


def acceptance_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return what each threshold finds and accepts, a plot for each side that has unknown clips."""
    names, found = [model.title for model in models], []
    for split in sides(models):
        rows = [row for m in models for row in _curve(findings, m) if row["split"] == split]
        if rows:
            title = f"Known clips found on {split}, by what else is accepted"
            found.append(Plot(title, acceptance(rows, names)))
    return found


def left_out(findings: Findings) -> list[dict[str, Any]]:
    """Return what was found where each class was unknown in turn: names, and rates as numbers."""
    names = ("split", "measure")
    return [
        {key: value if key in names else float(value) for key, value in line.items()}
        for line in findings.rows("evaluation/leave_classes_out.csv") or []
    ]


def left_out_plot(lines: Sequence[dict[str, Any]]) -> Plot | None:
    """Return the equal error rates of all measures of confidence; None where there are none."""
    rows = [
        interval_row(line["measure"], line["split"], line | {"clips": line["unknown_clips"]}, EQUAL)
        for line in lines
    ]
    series = [split for split in SERIES if split in {row["series"] for row in rows}]
    title = "Equal error rate, each class being unknown in turn"
    return Plot(title, charts.intervals(rows, series)) if rows else None


def _curve(findings: Findings, model: Model) -> Iterator[dict[str, Any]]:
    for line in findings.rows(f"evaluation/{model.name}/open_set.csv") or []:
        numbers = ("threshold", "false_accept_rate", "accuracy")
        yield {
            "split": line["split"],
            "series": model.title,
            **{key: float(line[key]) for key in numbers},
        }
