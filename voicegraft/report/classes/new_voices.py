"""How well voices are told that the classifier never heard."""

from collections.abc import Iterator, Mapping

from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.plots import Plot
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
    return [
        Plot(
            f"{heading(name)} of each voice, where it was left out of train",
            charts.intervals(list(_rows(lines, rate)), list(ADAPTATIONS.values())),
        )
        for rate, name in findings.rates.scored.items()
        if lines
    ]


def _rows(lines: list[dict[str, str]], rate: str) -> Iterator[dict[str, str | float]]:
    for line in sorted(lines, key=lambda line: line["speaker"]):
        yield {
            "group": line["speaker"] or EVERYBODY,
            "series": ADAPTATIONS[line["adaptation"]],
            "value": float(line[rate]),
            "low": float(line[f"{rate}_low"]),
            "high": float(line[f"{rate}_high"]),
            "clips": int(line["clips"]),
        }
