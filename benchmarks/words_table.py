"""The tables of classifiers, from the committed metrics of words/."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.current import is_current
from benchmarks.results_table import interval, rates_file

ROWS = {
    "mfcc": "control: the same classifier on MFCCs",
    "log_mel": "control: the same classifier on log-mel frames",
    "random": "control: the same classifier on Whisper base, untrained",
    "head": "logistic regression on frozen states",
    "full": "all blocks below them unfrozen, from audio",
}
UNSEEN = {
    "none": "an unseen voice, without adaptation",
    "normalised": "normalised by the voice's own clips, without labels",
    "self-trained": "self-trained on the surest of them as well",
}
RATES = ("accuracy", "macro_f1")
HEADER = """\
| | accuracy | macro-F1 |
|---|---|---|
"""


def table(evaluation: Path, models: Iterable[str]) -> str:
    """Return a row for each of `models` that was scored on test."""
    rows = []
    for model in models:
        if is_current(path := rates_file(evaluation / model), evaluation):
            rates = json.loads(path.read_text(encoding="utf-8"))
            rows.append(_row(ROWS.get(model, model), rates["test"]))
    return HEADER + "".join(rows)


def few_shot(evaluation: Path) -> str:
    """Return a row for each number of clips of a class."""
    lines = [line for line in _lines(evaluation / "few_shot.csv") if line["split"] == "test"]
    rows = [_row(f"from {line['shots']} clips a class", line) for line in lines]
    return HEADER + "".join(rows)


def unseen_voices(evaluation: Path) -> str:
    """Return leave-one-speaker-out means of all voices; those of each are in the file."""
    lines = [line for line in _lines(evaluation / "leave_speakers_out.csv") if not line["speaker"]]
    return HEADER + "".join(_row(UNSEEN[line["adaptation"]], line) for line in lines)


def _lines(path: Path) -> list[dict[str, str]]:
    if not is_current(path, path.parent):
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _row(name: str, scored: dict[str, Any]) -> str:
    rates = {
        f"{r}{end}": float(scored[f"{r}{end}"]) for r in RATES for end in ("", "_low", "_high")
    }
    return f"| {' | '.join([name, *(interval(rates, rate) for rate in RATES)])} |\n"
