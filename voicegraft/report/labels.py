"""How much labelling the transfer spares: error rates by minutes of it, where they were drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import CONTROL, Model
from voicegraft.report.plots import Plot


@dataclass(frozen=True)
class Labels:
    """The head against a control, on less and less labelled speech."""

    control: str
    plot: Plot
    least_minutes: float
    spared: dict[str, float | None]
    """As `voicegraft.evaluation.label_efficiency.spared` found it."""


def spared_labels(findings: Findings, models: Sequence[Model]) -> Iterator[Labels]:
    """Yield what was drawn of each control."""
    titles = {model.name: model.title for model in models}
    for control, lines, spared in findings.labels():
        names = {control: f"{control} ({CONTROL})"} | titles
        rows = [_row(line, names) for line in lines]
        plot = Plot(
            f"CER on test by labelled speech: head and {control}",
            charts.bands(rows, list(dict.fromkeys([*titles.values(), names[control]]))),
        )
        yield Labels(control, plot, min(row["minutes"] for row in rows), spared)


def _row(line: dict[str, str], names: dict[str, str]) -> dict[str, Any]:
    rates = {"value": "cer", "low": "cer_low", "high": "cer_high"}
    return {
        "series": names.get(line["model"], line["model"]),
        "minutes": float(line["minutes"]),
        **{name: float(line[column]) for name, column in rates.items()},
    }
