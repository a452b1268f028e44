"""Plots in Vega-Lite, which DVC's plots use too, built with Altair.

The page sets titles and widths. Ink is "currentColor", which follows the page's dark or light
theme. Models differ in shape as well as in colour, for colour-blind readers.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from voicegraft.evaluation.errors import NOTHING

Rows = Sequence[dict[str, Any]]

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color, without black and yellow, which are
# invisible on black or on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
PER_CENT = alt.Axis(format=".0%", tickCount=6)
INK = "currentColor"


def colour(rows: Rows, series: Sequence[str]) -> alt.Color:
    """Return the colour of each of `series`; the legend has only those in `rows`."""
    return alt.Color("series:N", scale=_scale(series, COLOURS), legend=_legend(rows, series))


def shape(rows: Rows, series: Sequence[str]) -> alt.Shape:
    """Return the shape of each of `series`, in the same way."""
    return alt.Shape("series:N", scale=_scale(series, SHAPES), legend=_legend(rows, series))


def _scale(series: Sequence[str], values: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=series, range=[values[i % len(values)] for i in range(len(series))])


def _legend(rows: Rows, series: Sequence[str]) -> alt.Legend:
    present = {row["series"] for row in rows}
    values = [name for name in series if name in present]
    # Opaque, even for transparent bands.
    return alt.Legend(title=None, orient="bottom", columns=2, values=values, symbolOpacity=1)


def finished(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    """Return the chart in the page's style, as JSON."""
    ink = {f"{part}Color": INK for part in ("label", "title", "tick", "domain", "grid")}
    chart = chart.properties(width="container", background="transparent")
    chart = chart.configure(font="system-ui, sans-serif").configure_view(stroke=None)
    chart = chart.configure_axis(gridOpacity=0.15, labelFontSize=12, **ink)
    return chart.configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12).to_dict()


def intervals(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals, one below the other.

    Args:
        rows: each with `group`, `series`, `value`, `low`, `high` and `clips`.
        series: all names, so that each has the same colour in every plot.
    """
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=140)),
        yOffset=alt.YOffset("series:N", sort=None),
        color=colour(rows, series),
        tooltip=[
            *("group:N", "series:N"),
            *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("value", "low", "high")),
            "clips:Q",
        ],
    )
    span = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=None, axis=PER_CENT, scale=alt.Scale(zero=True)), x2="high:Q"
    )
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="value:Q", shape=shape(rows, series)
    )
    return finished(
        alt.layer(span, point).properties(height=alt.Step(**{"step": 16, "for": "offset"}))
    )


def lines(rows: Rows, series: Sequence[str], rate: bool) -> dict[str, Any]:
    """Return curves over epochs; `rows` have `series`, `epoch` and `value`."""
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, tickCount=8))
    axis = PER_CENT if rate else alt.Axis(tickCount=6)
    tooltip = ["epoch:Q", alt.Tooltip("value:Q", format=".1%" if rate else ".3f")]
    return finished(_dotted(rows, series, x, axis, tooltip).properties(height=220))


def error_by_confidence(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return errors over confidence; `rows` have `series`, `confidence`, `value` and `clips`."""
    even = alt.Scale(zero=False, nice=False)
    x = alt.X("confidence:Q", title="confidence", axis=PER_CENT, scale=even)
    tooltip = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("confidence", "value")]
    return finished(
        _dotted(rows, series, x, PER_CENT, [*tooltip, "clips:Q"]).properties(height=260)
    )


def _dotted(
    rows: Rows, series: Sequence[str], x: alt.X, axis: alt.Axis, tooltip: Sequence[Any]
) -> alt.Chart:
    """Return a line with points for each of `series`; `tooltip` has the values to show."""
    chart = alt.Chart(alt.Data(values=list(rows))).mark_line(
        point=alt.OverlayMarkDef(filled=True, size=45)
    )
    return chart.encode(
        x=x,
        y=alt.Y("value:Q", title=None, axis=axis),
        color=colour(rows, series),
        shape=shape(rows, series),
        tooltip=["series:N", *tooltip],
    )


def bands(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals over minutes, on a logarithmic scale.

    Args:
        rows: each with `series`, `minutes`, `value`, `low` and `high`.
        series: as for `intervals`.
    """
    title, log = "minutes of labelled speech", alt.Scale(type="log", nice=False)
    drawn = band_and_line(rows, series, "minutes", title, log)
    return finished(alt.layer(*drawn).properties(height=260))


def attacks(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return members found over false positives, on a logarithmic scale; chance is dashed.

    Args:
        rows: each with `series`, `false_positives`, `value`, `low` and `high`.
        series: as for `intervals`.
    """
    field = "false_positives"
    title, log = "share of others taken for members", alt.Scale(type="log", nice=False)
    # Bands of six models hide each other: the ends of an interval are in the tooltip.
    _, line = band_and_line(rows, series, field, title, log)
    line = line.encode(y=alt.Y("value:Q", title=None, axis=PER_CENT))
    diagonal = [{field: row[field], "chance": row[field]} for row in rows]
    chance = alt.Chart(alt.Data(values=diagonal)).mark_line(strokeDash=[5, 4], color=INK)
    chance = chance.encode(x=f"{field}:Q", y="chance:Q")
    return finished(alt.layer(line, chance).properties(height=260))


def noise(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals over levels of noise; the rate of clean clips is dashed.

    Args:
        rows: each with `series`, `snr_db`, `value`, `low`, `high` and `clean`.
        series: as for `intervals`.
    """
    title, even = "speech over noise, dB", alt.Scale(zero=False, nice=False)
    drawn = band_and_line(rows, series, "snr_db", title, even)
    return finished(alt.layer(*drawn, dashed(rows, series, "clean")).properties(height=260))


def dashed(rows: Rows, series: Sequence[str], field: str) -> alt.Chart:
    """Return a horizontal dashed line for each series, at the value of `field`."""
    levels = {row["series"]: row[field] for row in rows}
    across = [{"series": name, field: level} for name, level in levels.items()]
    chart = alt.Chart(alt.Data(values=across)).mark_rule(strokeDash=[5, 4])
    return chart.encode(y=f"{field}:Q", color=colour(rows, series))


def band_and_line(
    rows: Rows, series: Sequence[str], field: str, title: str, scale: alt.Scale
) -> tuple[alt.Chart, alt.Chart]:
    """Return rates over an amount, and bands of their intervals.

    Args:
        rows: each with `series`, the amount under `field`, `value`, `low` and `high`.
        series: as for `intervals`.
        field: the name of the amount.
        title: of its axis.
        scale: of its axis.
    """
    amounts = sorted({row[field] for row in rows})
    axis = alt.Axis(values=amounts, format=".3~g", labelOverlap=True, grid=False)
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X(f"{field}:Q", title=title, scale=scale, axis=axis),
        color=colour(rows, series),
        tooltip=[
            *("series:N", f"{field}:Q"),
            *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("value", "low", "high")),
        ],
    )
    band = base.mark_area(opacity=0.2).encode(
        y=alt.Y("low:Q", title=None, axis=PER_CENT, scale=alt.Scale(zero=True)), y2="high:Q"
    )
    line = base.mark_line(point=alt.OverlayMarkDef(filled=True, size=45)).encode(
        y="value:Q", shape=shape(rows, series)
    )
    return band, line


def scatter(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return points on a plane with axes without meaning.

    Args:
        rows: each with `id`, `series`, `x` and `y`.
        series: all names, in the order of their colours.
    """
    axis = {"axis": None, "scale": alt.Scale(zero=False)}
    chart = alt.Chart(alt.Data(values=list(rows))).mark_point(filled=True, size=30, opacity=0.7)
    chart = chart.encode(
        x=alt.X("x:Q", **axis),
        y=alt.Y("y:Q", **axis),
        color=colour(rows, series),
        shape=shape(rows, series),
        tooltip=["id:N", "series:N"],
    )
    return finished(chart.properties(height=420))


def heat_map(rows: Rows) -> dict[str, Any]:
    """Return a confusion matrix; `rows` have `actual`, `predicted` and `count`."""
    chart = alt.Chart(alt.Data(values=list(rows))).mark_rect(stroke=INK, strokeOpacity=0.15)
    # Deletions and insertions come first, as a small screen may cut off the rest of the row.
    letters = {row[side] for row in rows for side in ("actual", "predicted")}
    order = sorted(letters, key=lambda letter: (letter not in (NOTHING, "␣"), letter))
    top = alt.Axis(labelAngle=0, orient="top")
    chart = chart.encode(
        x=alt.X("predicted:N", title="hypothesis", sort=order, axis=top),
        y=alt.Y("actual:N", title="reference", sort=order),
        color=alt.Color("count:Q", title="count", scale=alt.Scale(type="sqrt", scheme="viridis")),
        tooltip=["actual:N", "predicted:N", "count:Q"],
    )
    return finished(chart.properties(height=alt.Step(17)))
