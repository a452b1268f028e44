"""How plots look.

A title is left to the page, and so is the width. Ink is "currentColor": the page's own, in the
dark as in the light. Models differ by shape as well as by colour, for eyes that see few colours.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

Rows = Sequence[dict[str, Any]]

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color, less black and yellow: of the eight the two
# that vanish on black or on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
PER_CENT = alt.Axis(format=".0%", tickCount=6)
INK = "currentColor"


def colour(rows: Rows, series: Sequence[str]) -> alt.Color:
    """Return the colour of each of `series`; the legend has those of `rows` alone."""
    return alt.Color("series:N", scale=_scale(series, COLOURS), legend=_legend(rows, series))


def shape(rows: Rows, series: Sequence[str]) -> alt.Shape:
    """Return the shape of each of `series`, as their colour."""
    return alt.Shape("series:N", scale=_scale(series, SHAPES), legend=_legend(rows, series))


def _scale(series: Sequence[str], values: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=series, range=[values[i % len(values)] for i in range(len(series))])


def _legend(rows: Rows, series: Sequence[str]) -> alt.Legend:
    present = {row["series"] for row in rows}
    values = [name for name in series if name in present]
    # Opaque, though what is drawn may be a band that others show through.
    return alt.Legend(title=None, orient="bottom", columns=2, values=values, symbolOpacity=1)


def finished(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    """Return the chart in the look of the page."""
    ink = {f"{part}Color": INK for part in ("label", "title", "tick", "domain", "grid")}
    chart = chart.properties(width="container", background="transparent")
    chart = chart.configure(font="system-ui, sans-serif").configure_view(stroke=None)
    chart = chart.configure_axis(gridOpacity=0.15, labelFontSize=12, **ink)
    return chart.configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12).to_dict()
