"""Plots and tables of classifiers: classes, calibration, few-shot, speakers, the unknown class."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.summary import by_split
from voicegraft.report import charts
from voicegraft.report.classes.charts import acceptance, matrix, reliability, shots
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides
from voicegraft.report.plots import Plot, interval_row
from voicegraft.report.rates import heading


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
            Plot(f"Confusion matrix of {model.name} on {split}", matrix(_cells(scores)))
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
        Plot(f"Accuracy by confidence on {split}", reliability(of_split, names))
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


def few_shot_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of each rate by clips of a class; the best model, with all clips, is dashed."""
    lines = findings.rows("evaluation/few_shot.csv") or []
    return [
        Plot(
            f"{heading(name)} by clips of each class",
            shots([_row(line, rate, models[0]) for line in lines], sides(models)),
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


EVERYBODY = "all"
ADAPTATIONS: Mapping[str, str] = {
    "none": "no adaptation",
    "normalised": "normalised",
    "self-trained": "and self-trained",
}
"""Names of the adaptations in leave_speakers_out.csv; none uses labels."""


def new_voice_plots(findings: Findings) -> list[Plot]:
    """Return a plot of each rate: a row for each speaker, a mark for each adaptation."""
    lines = findings.rows("evaluation/leave_speakers_out.csv") or []
    lines = sorted(lines, key=lambda line: line["speaker"])
    return [
        Plot(
            f"{heading(name)} by left-out speaker",
            charts.intervals([_row_of(line, rate) for line in lines], list(ADAPTATIONS.values())),
        )
        for rate, name in findings.rates.scored.items()
        if lines
    ]


def _row_of(line: dict[str, str], rate: str) -> dict[str, Any]:
    return interval_row(line["speaker"] or EVERYBODY, ADAPTATIONS[line["adaptation"]], line, rate)


SERIES = ("dev", "test", "unseen")
EQUAL = "equal_error_rate"


def refusals(models: Sequence[Model]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (model, split, rates at the threshold of dev)."""
    for model in models:
        for split, metrics in model.metrics.items():
            if found := metrics.get("open_set"):
                yield model.name, split, found


def acceptance_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of accuracy over false accepts for each split with unknown clips."""
    names, found = [model.title for model in models], []
    for split in sides(models):
        rows = [row for m in models for row in _curve(findings, m) if row["split"] == split]
        if rows:
            title = f"Accuracy on known clips of {split}, by false accept rate"
            found.append(Plot(title, acceptance(rows, names)))
    return found


def left_out(findings: Findings) -> list[dict[str, Any]]:
    """Return the lines of leave_classes_out.csv, with rates as numbers."""
    names = ("split", "measure")
    return [
        {key: value if key in names else float(value) for key, value in line.items()}
        for line in findings.rows("evaluation/leave_classes_out.csv") or []
    ]


def left_out_plot(lines: Sequence[dict[str, Any]]) -> Plot | None:
    """Return a plot of the equal error rates by measure of confidence; None without lines."""
    rows = [
        interval_row(line["measure"], line["split"], line | {"clips": line["unknown_clips"]}, EQUAL)
        for line in lines
    ]
    series = [split for split in SERIES if split in {row["series"] for row in rows}]
    title = "Equal error rate with each class left out in turn"
    return Plot(title, charts.intervals(rows, series)) if rows else None


def _curve(findings: Findings, model: Model) -> Iterator[dict[str, Any]]:
    for line in findings.rows(f"evaluation/{model.name}/open_set.csv") or []:
        numbers = ("threshold", "false_accept_rate", "accuracy")
        yield {
            "split": line["split"],
            "series": model.title,
            **{key: float(line[key]) for key in numbers},
        }
