"""The plots of the report, with their data."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voicegraft.report import charts
from voicegraft.report.charts import COLOURS
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides
from voicegraft.report.rates import heading

OTHERS = "others"
SLICES = {"speaker": "by speaker", "seconds": "by length in seconds"}


@dataclass(frozen=True)
class Plot:
    """A plot with its caption."""

    title: str
    spec: dict[str, Any]


def rate_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of each rate: a row for each model, a mark for each split."""
    return [
        Plot(heading(name), charts.intervals(_rate_rows(models, rate), sides(models)))
        for rate, name in findings.rates.scored.items()
    ]


def curve_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of each metric by epoch, the known ones first.

    Models that were fitted at once have a single point, which is left out.
    """
    rows, known = defaultdict(list), findings.rates.followed
    for model, metric, points in findings.curves():
        if len(points) < 2:
            continue
        rows[metric] += [
            {"series": model, "epoch": epoch, "value": value}
            for epoch, value in points
            if math.isfinite(value)
        ]
    order = [*(m for m in known if m in rows), *sorted(rows.keys() - known.keys())]
    names = [model.name for model in models]
    names += sorted({row["series"] for of in rows.values() for row in of} - set(names))
    titles = {m: known.get(m, m.replace("layer/", "Weight of layer ")) for m in order}
    return [Plot(titles[m], charts.lines(rows[m], names, rate=m.startswith("dev/"))) for m in order]


def slice_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of the first rate for each split and kind of slice."""
    titles, rate = [model.title for model in models], findings.rates.first
    found = []
    for split in sides(models):
        for kind, words in SLICES.items():
            if rows := list(_slice_rows(findings, models, split, kind)):
                title = f"{heading(findings.rates.scored[rate])} on {split}, {words}"
                found.append(Plot(title, charts.intervals(rows, titles)))
    return found


def layer_plot(findings: Findings) -> Plot | None:
    """Return a plot of the variance that each layer explains, if layers were probed."""
    series = f"explained variance of {findings.rates.explained}"
    rows = [
        interval_row(f"layer {line['layer']}", series, line, "explained")
        for line in findings.probed
    ]
    return (
        Plot(f"Layers of the upstream: {series}", charts.intervals(rows, [series]))
        if rows
        else None
    )


def map_plot(findings: Findings) -> Plot | None:
    """Return the t-SNE map of clips, with colours for the largest groups."""
    rows = (findings.explored or {}).get("map", [])
    if not rows:
        return None
    counts = Counter(row["group"] for row in rows)
    groups = [name for name, _ in counts.most_common(len(COLOURS) - 1)]
    places = [
        {
            "id": row["id"],
            "x": float(row["x"]),
            "y": float(row["y"]),
            "series": row["group"] if row["group"] in groups else OTHERS,
        }
        for row in rows
    ]
    return Plot("t-SNE map of clips", charts.scatter(places, [*groups, OTHERS]))


def confusion_plots(findings: Findings, models: Sequence[Model]) -> dict[str, Plot]:
    """Return a heat map for each model, by its name."""
    counts = {model.name: findings.confusions(model.name) for model in models}
    return {
        name: Plot(
            f"Confusion matrix of {name}",
            charts.heat_map(
                [
                    {"actual": actual, "predicted": predicted, "count": count}
                    for (actual, predicted), count in sorted(of_model.items())
                ]
            ),
        )
        for name, of_model in counts.items()
        if of_model
    }


def _rate_rows(models: Sequence[Model], rate: str) -> list[dict[str, Any]]:
    return [
        interval_row(model.title, split, model.metrics[split], rate)
        for model in models
        for split in model.splits
    ]


def _slice_rows(
    findings: Findings, models: Sequence[Model], split: str, kind: str
) -> Iterator[dict[str, Any]]:
    for model in models:
        for part in findings.slices(model.name):
            if (part["split"], part["kind"]) == (split, kind):
                yield interval_row(part["slice"], model.title, part, findings.rates.first)


def interval_row(group: str, series: str, rates: dict[str, Any], rate: str) -> dict[str, Any]:
    """Return a row of `charts.intervals` from a table's line `rates`."""
    ends = {"value": "", "low": "_low", "high": "_high"}
    interval = {name: float(rates[f"{rate}{end}"]) for name, end in ends.items()}
    return {"group": group, "series": series, **interval, "clips": int(rates["clips"])}
