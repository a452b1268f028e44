"""The style of plots.

The page sets titles and widths. Ink is "currentColor", which follows the page's dark or light
theme. Models differ in shape as well as in colour, for colour-blind readers.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

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
