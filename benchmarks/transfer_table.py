"""The tables on transfer: gains over controls, and labels spared."""

import json
from pathlib import Path
from typing import Any

from benchmarks.current import is_current
from voicegraft.evaluation.transfer import WHOLE, read_dev_cer

GAINS = """\
| | against | test: errors spared | unseen: errors spared | verdict |
|---|---|---|---|---|
"""
SPARED = """\
| against | its CER, on | the head needs | labelled speech spared | epochs to its best dev CER |
|---|---|---|---|---|
"""


def gains(evaluation: Path) -> str:
    """Return a row for each model and control: the share of character errors spared."""
    path = evaluation / "transfer.json"
    verdicts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    rows = []
    for model, judged in verdicts.items():
        wholes = [line for line in judged["comparisons"] if line["kind"] == WHOLE]
        sides = {(line["control"], line["split"]): line for line in wholes}
        rows += [
            f"| {model} | {control} | {_gain(test)} | {_gain(sides[control, 'unseen'])} "
            f"| {test['verdict']} |\n"
            for (control, split), test in sides.items()
            if split == "test"
        ]
    return GAINS + "".join(rows)


def spared(evaluation: Path) -> str:
    """Return a row for each control whose learning curve was drawn; nothing if none was."""
    rows = []
    for path in sorted((evaluation / "learning_curve").glob("*/metrics.json")):
        if not is_current(path, evaluation):
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        rows.append(
            f"| {path.parent.name} | {100 * found['control_cer']:.1f}, "
            f"{found['control_minutes']:g} min | {_minutes(found)} "
            f"| {_amount(found['minutes_spared'])} | {_epochs(evaluation, path.parent.name)} |\n"
        )
    return SPARED + "".join(rows) if rows else ""


def _gain(part: dict[str, Any]) -> str:
    gain, low, high = (100 * part["cer"][key] for key in ("gain", "gain_low", "gain_high"))
    return f"{gain:.0f} % ({low:.0f}–{high:.0f})"


def _minutes(found: dict[str, Any]) -> str:
    low, high = (_amount(found[key]) for key in ("minutes_low", "minutes_high"))
    return f"{_amount(found['minutes'])} ({low} – {high})"


def _epochs(evaluation: Path, control: str) -> str:
    """Return when the head is as good on dev as the control ever gets, and when that one is."""
    head, other = (read_dev_cer(evaluation / name / "curves") for name in ("head", control))
    best = min(other)
    reached = next((n for n, cer in enumerate(head) if cer <= best), None)
    return f"{'never' if reached is None else reached}, not {other.index(best)}"


def _amount(minutes: float | None) -> str:
    return "more than was tried" if minutes is None else f"{minutes:.1f} min"
