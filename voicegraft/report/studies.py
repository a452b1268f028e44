"""Studies in the report: label efficiency, robustness, self-training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voicegraft.privacy.curve import FILE
from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import CONTROL, Model
from voicegraft.report.plots import Plot, interval_row
from voicegraft.report.rates import heading


@dataclass(frozen=True)
class Labels:
    """Learning curves of the head and a control."""

    control: str
    plot: Plot
    least_minutes: float
    spared: dict[str, float | None]
    """From `voicegraft.studies.label_efficiency.spared`."""


def spared_labels(findings: Findings, models: Sequence[Model]) -> Iterator[Labels]:
    """Yield the learning curves for each control."""
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
    name, minutes = names.get(line["model"], line["model"]), float(line["minutes"])
    return {"series": name, "minutes": minutes} | _ends(line, "cer")


def _ends(line: dict[str, str], column: str) -> dict[str, float]:
    """Return the value of a column with its interval."""
    rates = {"value": column, "low": f"{column}_low", "high": f"{column}_high"}
    return {name: float(line[of]) for name, of in rates.items()}


def attack_plot(findings: Findings) -> Plot | None:
    """Return the members that attacks find by false positives, if the audit has a curve."""
    lines = (findings.rows(f"evaluation/{FILE}") if findings.privacy else None) or []
    rows = [
        {"series": line["model"], "false_positives": float(line["false_positives"])}
        | _ends(line, "true_positives")
        for line in lines
    ]
    series = list(dict.fromkeys(row["series"] for row in rows))
    title = "Clips of train that an attacker finds"
    return Plot(title, charts.attacks(rows, series)) if rows else None


CLEAN = "clean"


def robustness_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return plots of errors on test by level for each kind of noise, then of other conditions."""
    rows = [row for model in models for row in _rows(findings, model)]
    names, rate = [m.title for m in models], heading(findings.rates.lost[findings.rates.error])
    noisy = dict.fromkeys(row["group"] for row in rows if row["snr_db"] is not None)
    found = [
        Plot(f"{rate} on test in noise: {name}", charts.noise(_in(name, rows), names))
        for name in noisy
    ]
    others = [row for row in rows if row["snr_db"] is None]
    if others:
        found.append(Plot(f"{rate} on test without noise", charts.intervals(others, names)))
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


@dataclass(frozen=True)
class SelfTrained:
    """A student compared with its teacher and longer training."""

    model: str
    found: dict[str, Any]
    """The content of metrics.json."""
    lines: list[dict[str, Any]]
    """A line for each split, rival and rate: `split`, `rival`, `rate`, and the change."""
    plot: Plot


def self_trained(findings: Findings) -> Iterator[SelfTrained]:
    """Yield each model that was trained on its own pseudo-labels."""
    for model, rows, found in findings.self_training():
        error = heading(findings.rates.lost[findings.rates.error])
        title = f"{error} of the pseudo-labels of {model}, by confidence"
        points = [_point(row) for row in rows]
        series = list(dict.fromkeys(row["series"] for row in points))
        lines = list(_lines(findings, found))
        yield SelfTrained(
            model, found, lines, Plot(title, charts.error_by_confidence(points, series))
        )


def _lines(findings: Findings, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sides = {split: rivals for split, rivals in found.items() if isinstance(rivals, dict)}
    for split, rivals in sides.items():
        for rival, rates in rivals.items():
            for rate, name in findings.rates.lost.items():
                yield {"split": split, "rival": rival, "rate": name} | rates[rate]


def _point(row: dict[str, str]) -> dict[str, Any]:
    return {
        "series": row["split"],
        "confidence": float(row["confidence"]),
        "value": float(row["error"]),
        "clips": int(row["clips"]),
    }
