"""The table of self-training, from the committed metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.current import is_current
from benchmarks.results_table import rates_file
from voicegraft.evaluation.transfer import read_dev_cer

SIDES = ("dev", "test", "unseen")
TEACHER, LONGER = "teacher", "longer"


def table(evaluation: Path) -> str:
    """Return a row for each model, and for the paired difference of the student from two others."""
    path = evaluation / "self_training" / "head" / "metrics.json"
    if not is_current(path, evaluation):
        return ""
    found = json.loads(path.read_text(encoding="utf-8"))
    labelled, others = (f"{found[f'{of}_minutes']:.0f}" for of in ("labelled", "unlabelled"))
    rows = {
        f"the teacher: the head on {labelled} minutes": _each(found, TEACHER, _old),
        "the same minutes for as long as a student": _each(found, LONGER, _old),
        f"the student: those, and of {others} minutes the surest pseudo-labels": _each(
            found, TEACHER, _new
        ),
        "student against teacher": _each(found, TEACHER, _change),
        "student against longer training": _each(found, LONGER, _change),
        "the head with all texts": _with_all_texts(evaluation / "head"),
    }
    header = f"| | {' | '.join(SIDES)} |\n|---|{'---|' * len(SIDES)}\n"
    return header + "".join(f"| {name} | {' | '.join(row)} |\n" for name, row in rows.items())


def _each(
    found: dict[str, Any], against: str, shown: Callable[[dict[str, float]], str]
) -> list[str]:
    return [shown(found[side][against]["cer"]) for side in SIDES]


def _old(rate: dict[str, float]) -> str:
    return f"{100 * rate['old']:.1f}"


def _new(rate: dict[str, float]) -> str:
    return f"{100 * rate['new']:.1f}"


def _change(rate: dict[str, float]) -> str:
    change, low, high = (f"{100 * rate[name]:+.1f}" for name in ("change", "low", "high"))
    return f"{change} ({low} to {high})".replace("-", "−")


def _with_all_texts(folder: Path) -> list[str]:
    metrics = json.loads(rates_file(folder).read_text(encoding="utf-8"))
    rates = [min(read_dev_cer(folder / "curves")), *(metrics[s]["cer"] for s in ("test", "unseen"))]
    return [f"{100 * rate:.1f}" for rate in rates]
