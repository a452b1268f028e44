"""Plots in Vega-Lite, the language of DVC's own plots, told through Altair.

A title is left to the page, and so is the width. Ink is "currentColor": the page's own, in the
dark as in the light. Models differ by shape as well as by colour, for eyes that see few colours.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from voicegraft.evaluation.errors import NOTHING

Rows = Sequence[dict[str, Any]]

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color, less black and yellow: of the eight the two
# that vanish on black or on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
PER_CENT = alt.Axis(format=".0%", tickCount=6)
INK = "currentColor"


def intervals(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals, one below the other.

    Args:
        rows: each with `group`, `series`, `value`, `low`, `high` and `clips`.
        series: all there are, so that each has the same colour in every plot.
    """
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=140)),
        yOffset=alt.YOffset("series:N", sort=None),
        color=_colour(rows, series),
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
        x="value:Q", shape=_shape(rows, series)
    )
    return _finished(
        alt.layer(span, point).properties(height=alt.Step(**{"step": 16, "for": "offset"}))
    )


def lines(rows: Rows, series: Sequence[str], rate: bool) -> dict[str, Any]:
    """Return curves over epochs; `rows` have `series`, `epoch` and `value`."""
    chart = alt.Chart(alt.Data(values=list(rows))).mark_line(
        point=alt.OverlayMarkDef(filled=True, size=45)
    )
    axis = PER_CENT if rate else alt.Axis(tickCount=6)
    chart = chart.encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, tickCount=8)),
        y=alt.Y("value:Q", title=None, axis=axis),
        color=_colour(rows, series),
        shape=_shape(rows, series),
        tooltip=["series:N", "epoch:Q", alt.Tooltip("value:Q", format=".1%" if rate else ".3f")],
    )
    return _finished(chart.properties(height=220))


def bands(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals over minutes, which are spread by their logarithm.

    Args:
        rows: each with `series`, `minutes`, `value`, `low` and `high`.
        series: as for `intervals`.
    """
    title, log = "minutes of labelled speech", alt.Scale(type="log", nice=False)
    drawn = _band_and_line(rows, series, "minutes", title, log)
    return _finished(alt.layer(*drawn).properties(height=260))


def noise(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals over levels of noise, and dashed what clean clips give.

    Args:
        rows: each with `series`, `snr_db`, `value`, `low`, `high` and `clean`.
        series: as for `intervals`.
    """
    title, even = "speech over noise, dB", alt.Scale(zero=False, nice=False)
    drawn = _band_and_line(rows, series, "snr_db", title, even)
    dashed = alt.Chart(alt.Data(values=_clean(rows))).mark_rule(strokeDash=[5, 4])
    dashed = dashed.encode(y="clean:Q", color=_colour(rows, series))
    return _finished(alt.layer(*drawn, dashed).properties(height=260))


def _clean(rows: Rows) -> list[dict[str, Any]]:
    clean = {row["series"]: row["clean"] for row in rows}
    return [{"series": name, "clean": rate} for name, rate in clean.items()]


def _band_and_line(
    rows: Rows, series: Sequence[str], field: str, title: str, scale: alt.Scale
) -> tuple[alt.Chart, alt.Chart]:
    amounts = sorted({row[field] for row in rows})
    axis = alt.Axis(values=amounts, format=".3~g", labelOverlap=True, grid=False)
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X(f"{field}:Q", title=title, scale=scale, axis=axis),
        color=_colour(rows, series),
        tooltip=[
            *("series:N", f"{field}:Q"),
            *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("value", "low", "high")),
        ],
    )
    band = base.mark_area(opacity=0.2).encode(
        y=alt.Y("low:Q", title=None, axis=PER_CENT, scale=alt.Scale(zero=True)), y2="high:Q"
    )
    line = base.mark_line(point=alt.OverlayMarkDef(filled=True, size=45)).encode(
        y="value:Q", shape=_shape(rows, series)
    )
    return band, line


def scatter(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return points on a plane whose axes mean nothing.

    Args:
        rows: each with `id`, `series`, `x` and `y`.
        series: all there are, in the order of their colours.
    """
    axis = {"axis": None, "scale": alt.Scale(zero=False)}
    chart = alt.Chart(alt.Data(values=list(rows))).mark_point(filled=True, size=30, opacity=0.7)
    chart = chart.encode(
        x=alt.X("x:Q", **axis),
        y=alt.Y("y:Q", **axis),
        color=_colour(rows, series),
        shape=_shape(rows, series),
        tooltip=["id:N", "series:N"],
    )
    return _finished(chart.properties(height=420))


def heat_map(rows: Rows) -> dict[str, Any]:
    """Return what is taken for what; `rows` have `actual`, `predicted` and `count`."""
    chart = alt.Chart(alt.Data(values=list(rows))).mark_rect(stroke=INK, strokeOpacity=0.15)
    # What is lost and added first: the rest of the row may be off a small screen.
    letters = {row[side] for row in rows for side in ("actual", "predicted")}
    order = sorted(letters, key=lambda letter: (letter not in (NOTHING, "␣"), letter))
    top = alt.Axis(labelAngle=0, orient="top")
    chart = chart.encode(
        x=alt.X("predicted:N", title="written", sort=order, axis=top),
        y=alt.Y("actual:N", title="said", sort=order),
        color=alt.Color("count:Q", title="times", scale=alt.Scale(type="sqrt", scheme="viridis")),
        tooltip=["actual:N", "predicted:N", "count:Q"],
    )
    return _finished(chart.properties(height=alt.Step(17)))


def _colour(rows: Rows, series: Sequence[str]) -> alt.Color:
    return alt.Color("series:N", scale=_scale(series, COLOURS), legend=_legend(rows, series))


def _shape(rows: Rows, series: Sequence[str]) -> alt.Shape:
    return alt.Shape("series:N", scale=_scale(series, SHAPES), legend=_legend(rows, series))


def _scale(series: Sequence[str], values: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=series, range=[values[i % len(values)] for i in range(len(series))])


def _legend(rows: Rows, series: Sequence[str]) -> alt.Legend:
    present = {row["series"] for row in rows}
    values = [name for name in series if name in present]
    # Opaque, though what is drawn may be a band that others show through.
    return alt.Legend(title=None, orient="bottom", columns=2, values=values, symbolOpacity=1)


def _finished(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    ink = {f"{part}Color": INK for part in ("label", "title", "tick", "domain", "grid")}
    chart = chart.properties(width="container", background="transparent")
    chart = chart.configure(font="system-ui, sans-serif").configure_view(stroke=None)
    chart = chart.configure_axis(gridOpacity=0.15, labelFontSize=12, **ink)
    return chart.configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12).to_dict()
