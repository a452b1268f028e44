"""The table of classifiers in README.md, from the committed metrics of words/."""

import csv
import json
from pathlib import Path
from typing import Any

from benchmarks.current import is_current
from benchmarks.results_table import interval

ROWS = {
    "mfcc": "control: the same classifier on MFCCs",
    "log_mel": "control: the same classifier on log-mel frames",
    "random": "control: the same classifier on Whisper base, untrained",
    "head": "logistic regression on frozen states",
    "full": "all blocks below them unfrozen, from audio",
}
NEW_VOICES = {
    "none": "a voice never heard, as it comes",
    "normalised": "the same, normalised by its own clips, no label seen",
    "self-trained": "the same, and taught by those that were surest",
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
        if is_current(path := evaluation / model / "rates.json", evaluation):
            rows.append(_row(name, json.loads(path.read_text(encoding="utf-8"))["test"]))
    rows += _few_shots(evaluation / "few_shot.csv")
    return HEADER + "".join(rows + _new_voices(evaluation / "leave_speakers_out.csv"))


def _few_shots(path: Path) -> list[str]:
    lines = [line for line in _lines(path) if line["split"] == "test"]
    return [_row(f"nearest class mean, of {line['shots']} a class", line) for line in lines]


def _new_voices(path: Path) -> list[str]:
    """Return the means of all voices; those of each are in the file."""
    lines = [line for line in _lines(path) if not line["speaker"]]
    return [_row(NEW_VOICES[line["adaptation"]], line) for line in lines]


def _lines(path: Path) -> list[dict[str, str]]:
    if not is_current(path, path.parent):
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _row(name: str, told: dict[str, Any]) -> str:
    rates = {f"{r}{end}": float(told[f"{r}{end}"]) for r in RATES for end in ("", "_low", "_high")}
    return f"| {' | '.join([name, *(interval(rates, rate) for rate in RATES)])} |\n"
