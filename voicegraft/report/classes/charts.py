"""Plots for classifiers; `voicegraft.report.charts` has those for all models."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from voicegraft.report.charts import (
    INK,
    PER_CENT,
    Rows,
    band_and_line,
    colour,
    dashed,
    finished,
    shape,
)

SHARES = alt.Scale(domain=[0, 1])
READABLE_CLASSES = 15
"""With more classes, numbers would not fit into their cells."""
UPRIGHT_CLASSES = 6
"""With more classes, names would not fit beside each other."""


def matrix(rows: Rows) -> dict[str, Any]:
    """Return a confusion matrix with a row for each actual class; rows add up to one.

    Args:
        rows: each with `actual`, `predicted`, `count` and `share`, of the clips of the class.
    """
    classes = {row["actual"] for row in rows}
    angle = 0 if len(classes) <= UPRIGHT_CLASSES else -90
    top = alt.Axis(orient="top", labelLimit=90, labelAngle=angle)
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X("predicted:N", title="predicted class", axis=top),
        y=alt.Y("actual:N", title="actual class", axis=alt.Axis(labelLimit=140)),
        tooltip=["actual:N", "predicted:N", "count:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    cells = base.mark_rect(stroke=INK, strokeOpacity=0.15).encode(
        color=alt.Color(
            "share:Q",
            title="share of the class",
            scale=alt.Scale(scheme="viridis", domain=[0, 1]),
            legend=alt.Legend(format=".0%", orient="bottom", values=[0, 0.5, 1]),
        )
    )
    if len(classes) > READABLE_CLASSES:
        return finished(alt.layer(cells).properties(height=alt.Step(17)))
    # Viridis ends in yellow, on which white is illegible.
    ink = alt.condition("datum.share > 0.6", alt.value("black"), alt.value("white"))
    counts = base.mark_text(fontSize=12).encode(text="count:Q", color=ink)
    return finished(alt.layer(cells, counts).properties(height=alt.Step(32)))


def reliability(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return accuracy with its interval over confidence; the diagonal is dashed.

    Args:
        rows: each with `series`, `confidence`, `value`, `low`, `high` and `clips`.
        series: as for `voicegraft.report.charts.intervals`.
    """
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X("confidence:Q", title="confidence", axis=PER_CENT, scale=SHARES),
        color=colour(rows, series),
        tooltip=[
            "series:N",
            *(
                alt.Tooltip(f"{name}:Q", format=".1%")
                for name in ("confidence", "value", "low", "high")
            ),
            "clips:Q",
        ],
    )
    span = base.mark_rule(opacity=0.5).encode(
        y=alt.Y("low:Q", title="accuracy", axis=PER_CENT, scale=SHARES), y2="high:Q"
    )
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        y="value:Q", shape=shape(rows, series)
    )
    ends = alt.Data(values=[{"at": 0}, {"at": 1}])
    same = alt.Chart(ends).mark_line(strokeDash=[5, 4], color=INK).encode(x="at:Q", y="at:Q")
    return finished(alt.layer(same, span, point).properties(height=300))


def shots(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return rates with their intervals over clips of each class; the rate of all clips is dashed.

    Args:
        rows: each with `series`, `shots`, `value`, `low`, `high` and `all`.
        series: as for `voicegraft.report.charts.intervals`.
    """
    title, log = "clips of each class", alt.Scale(type="log", nice=False)
    drawn = band_and_line(rows, series, "shots", title, log)
    return finished(alt.layer(*drawn, dashed(rows, series, "all")).properties(height=260))


def acceptance(rows: Rows, series: Sequence[str]) -> dict[str, Any]:
    """Return the accuracy on known clips over the false accept rate, by threshold.

    Args:
        rows: each with `series`, `threshold`, `false_accept_rate` and `accuracy`.
        series: as for `voicegraft.report.charts.intervals`.
    """
    chart = alt.Chart(alt.Data(values=list(rows))).mark_line(interpolate="step-after")
    chart = chart.encode(
        x=alt.X("false_accept_rate:Q", title="false accept rate", axis=PER_CENT),
        y=alt.Y("accuracy:Q", title="accuracy on known clips", axis=PER_CENT, scale=SHARES),
        color=colour(rows, series),
        order=alt.Order("threshold:Q", sort="descending"),
        tooltip=[
            "series:N",
            "threshold:Q",
            alt.Tooltip("false_accept_rate:Q", format=".1%"),
            alt.Tooltip("accuracy:Q", format=".1%"),
        ],
    )
    return finished(chart.properties(height=260))
