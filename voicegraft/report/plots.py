"""Which plots the page shows, each with the rows that it is drawn from."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voicegraft.report import charts
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, sides

RATES = ("cer", "wer")
CURVES = {"train/loss": "Loss on train", "dev/cer": "CER on dev", "dev/wer": "WER on dev"}
OTHERS = "others"
SLICES = {"speaker": "by speaker", "seconds": "by length in seconds"}


@dataclass(frozen=True)
class Plot:
    """A plot with its caption."""

    title: str
    spec: dict[str, Any]


def rate_plots(models: Sequence[Model]) -> list[Plot]:
    """Return a plot of each rate: models one below the other, a mark for each side."""
    return [
        Plot(rate.upper(), charts.intervals(_rate_rows(models, rate), sides(models)))
        for rate in RATES
    ]


def curve_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of each metric that was followed, the known ones first."""
    rows = defaultdict(list)
    for model, metric, points in findings.curves():
        rows[metric] += [
            {"series": model, "epoch": epoch, "value": value}
            for epoch, value in points
            if math.isfinite(value)
        ]
    order = [*(m for m in CURVES if m in rows), *sorted(rows.keys() - CURVES.keys())]
    names = [model.name for model in models]
    names += sorted({row["series"] for of in rows.values() for row in of} - set(names))
    titles = {m: CURVES.get(m, m.replace("layer/", "Weight of layer ")) for m in order}
    return [Plot(titles[m], charts.lines(rows[m], names, rate=m.endswith(RATES))) for m in order]


def slice_plots(findings: Findings, models: Sequence[Model]) -> list[Plot]:
    """Return a plot of CER for each side and each way to slice it, where there is more than one."""
    titles = [model.title for model in models]
    found = []
    for split in sides(models):
        for kind, words in SLICES.items():
            if rows := list(_slice_rows(findings, models, split, kind)):
                found.append(Plot(f"CER on {split}, {words}", charts.intervals(rows, titles)))
    return found


def layer_plot(findings: Findings) -> Plot | None:
    """Return a plot of what each layer foretells of the letters, where that was probed."""
    series = "share of the letters foretold"
    rows = [_row(f"layer {line['layer']}", series, line, "foretold") for line in findings.probed]
    return (
        Plot(f"Layers of the upstream: {series}", charts.intervals(rows, [series]))
        if rows
        else None
    )


def map_plot(findings: Findings) -> Plot | None:
    """Return the map of clips, in the colours of the largest groups."""
    rows = (findings.explored or {}).get("map", [])
    if not rows:
        return None
    counts = Counter(row["group"] for row in rows)
    groups = [name for name, _ in counts.most_common(len(charts.COLOURS) - 1)]
    places = [
        {
            "id": row["id"],
            "x": float(row["x"]),
            "y": float(row["y"]),
            "series": row["group"] if row["group"] in groups else OTHERS,
        }
        for row in rows
    ]
    return Plot("Clips near to those that sound alike", charts.scatter(places, [*groups, OTHERS]))


def confusion_plots(findings: Findings, models: Sequence[Model]) -> dict[str, Plot]:
    """Return a heat map for each model, by its name."""
    counts = {model.name: findings.confusions(model.name) for model in models}
    return {
        name: Plot(
            f"What {name} takes for what",
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
        _row(model.title, split, model.metrics[split], rate)
        for model in models
        for split in model.splits
    ]


def _slice_rows(
    findings: Findings, models: Sequence[Model], split: str, kind: str
) -> Iterator[dict[str, Any]]:
    for model in models:
        for part in findings.slices(model.name):
            if (part["split"], part["kind"]) == (split, kind):
                yield _row(part["slice"], model.title, part, "cer")


def _row(group: str, series: str, rates: dict[str, Any], rate: str) -> dict[str, Any]:
    ends = {"value": "", "low": "_low", "high": "_high"}
    interval = {name: float(rates[f"{rate}{end}"]) for name, end in ends.items()}
    return {"group": group, "series": series, **interval, "clips": int(rates["clips"])}
