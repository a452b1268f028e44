"""The table of classifiers in README.md, from the committed metrics of words/."""

import csv
import json
from pathlib import Path

from benchmarks.results_table import interval

ROWS = {
    "mfcc": "control: the same classifier on MFCCs",
    "log_mel": "control: the same classifier on log-mel frames",
    "random": "control: the same classifier on Whisper base, untrained",
    "head": "logistic regression on frozen states",
    "full": "all blocks below them unfrozen, from audio",
}
RATES = ("accuracy", "macro_f1")
HEADER = """\
| | accuracy | macro-F1 |
|---|---|---|
"""


def table(evaluation: Path) -> str:
    """Return a row for each model that was scored on test, and one for each number of shots."""
    rows = []
    for model, name in ROWS.items():
        if (path := evaluation / model / "metrics.json").is_file():
            rows.append(_row(name, json.loads(path.read_text(encoding="utf-8"))["test"]))
    return HEADER + "".join(rows + _few_shots(evaluation / "few_shot.csv"))


def _few_shots(path: Path) -> list[str]:
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["split"] == "test"]
    numbers = [{k: float(v) for k, v in line.items() if k != "split"} for line in lines]
    return [_row(f"nearest class mean, of {n['shots']:.0f} a class", n) for n in numbers]


def _row(name: str, rates: dict[str, float]) -> str:
    return f"| {' | '.join([name, *(interval(rates, rate) for rate in RATES)])} |\n"
