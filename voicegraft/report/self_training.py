"""What recordings that nobody transcribed taught, and how sure the teacher was of its mistakes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.plots import Plot
from voicegraft.report.rates import heading


@dataclass(frozen=True)
class SelfTrained:
    """A student and what it is held against."""

    model: str
    found: dict[str, Any]
    """As metrics.json has it."""
    lines: list[dict[str, Any]]
    """A line for each side, rival and rate: `split`, `rival`, `rate`, and how it changed."""
    plot: Plot


def self_trained(findings: Findings) -> Iterator[SelfTrained]:
    """Yield each model that was taught by its own labels."""
    for model, rows, found in findings.self_training():
        error = heading(findings.rates.lost[findings.rates.error])
        title = f"{error} of what {model}, the teacher, told, by how sure it was"
        told = [_told(row) for row in rows]
        series = list(dict.fromkeys(row["series"] for row in told))
        lines = list(_lines(findings, found))
        yield SelfTrained(model, found, lines, Plot(title, charts.sureness(told, series)))


def _lines(findings: Findings, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sides = {split: rivals for split, rivals in found.items() if isinstance(rivals, dict)}
    for split, rivals in sides.items():
        for rival, rates in rivals.items():
            for rate, name in findings.rates.lost.items():
                yield {"split": split, "rival": rival, "rate": name} | rates[rate]


def _told(row: dict[str, str]) -> dict[str, Any]:
    return {
        "series": row["split"],
        "confidence": float(row["confidence"]),
        "value": float(row["error"]),
        "clips": int(row["clips"]),
    }
