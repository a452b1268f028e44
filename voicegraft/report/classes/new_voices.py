"""How well voices are told that the classifier never heard."""

from collections.abc import Mapping
from typing import Any

from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.plots import Plot, interval_row
from voicegraft.report.rates import heading

EVERYBODY = "all"
ADAPTATIONS: Mapping[str, str] = {
    "none": "as it comes",
    "normalised": "normalised",
    "self-trained": "and taught",
}
"""What is done with a voice before it is told, as leave_speakers_out.csv calls it; no label is."""


def new_voice_plots(findings: Findings) -> list[Plot]:
    """Return a plot of each rate: voices one below the other, a mark for each adaptation."""
    lines = findings.rows("evaluation/leave_speakers_out.csv") or []
    lines = sorted(lines, key=lambda line: line["speaker"])
    return [
        Plot(
            f"{heading(name)} of each voice, where it was left out of train",
            charts.intervals([_row(line, rate) for line in lines], list(ADAPTATIONS.values())),
        )
        for rate, name in findings.rates.scored.items()
        if lines
    ]


def _row(line: dict[str, str], rate: str) -> dict[str, Any]:
    return interval_row(line["speaker"] or EVERYBODY, ADAPTATIONS[line["adaptation"]], line, rate)
