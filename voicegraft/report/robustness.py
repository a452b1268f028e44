"""How models stand worse recordings: a plot by level for each noise, and one of the others."""

from collections.abc import Iterator, Sequence
from typing import Any

from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model
from voicegraft.report.plots import Plot, interval_row
from voicegraft.report.rates import heading

CLEAN = "clean"


def robustness_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return errors on test by level, for each condition with noise, then of all others."""
    rows = [row for model in models for row in _rows(findings, model)]
    names, rate = [m.title for m in models], heading(findings.rates.lost[findings.rates.error])
    noisy = dict.fromkeys(row["group"] for row in rows if row["snr_db"] is not None)
    found = [
        Plot(f"{rate} on test in noise: {name}", charts.noise(_in(name, rows), names))
        for name in noisy
    ]
    others = [row for row in rows if row["snr_db"] is None]
    if others:
        found.append(Plot(f"{rate} on test, other recordings", charts.intervals(others, names)))
    return found


def _in(condition: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["group"] == condition and row["snr_db"] is not None]


def _rows(findings: Findings, model: Model) -> Iterator[dict[str, Any]]:
    lines, rate = findings.robustness(model.name), findings.rates.error
    clean = {line["condition"]: float(line[rate]) for line in lines}.get(CLEAN)
    for line in lines:
        level = float(line["snr_db"]) if line["snr_db"] else None
        row = interval_row(line["condition"], model.title, line, rate)
        yield row | {"snr_db": level, "clean": clean}
