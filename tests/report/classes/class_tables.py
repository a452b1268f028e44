"""What tables and plots of classifiers hold, as a test sets them against the page."""

import csv


def rate_cell(rates, name):
    value, low, high = (100 * rates[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f}–{high:.1f})"


def lines(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def layers(spec):
    """Return the rows of each layer of a plot: of its own, or of the plot."""
    found = [layer.get("data", spec.get("data")) for layer in spec["layer"]]
    return [spec["datasets"][data["name"]] if "name" in data else data["values"] for data in found]
