"""The table of worse recordings, from the committed robustness.csv of each model."""

import csv
from pathlib import Path

from benchmarks.current import is_current
from benchmarks.results_table import interval

MODELS = {
    "head": "head on frozen states",
    "top3": "top three blocks",
    "top3_augmented": "top three, augmented by noise and telephone",
}
CONDITIONS = {
    "clean": "as recorded",
    "white": "white noise",
    "babble": "babble of others",
    "band": "telephone band",
    "mu_law": "telephone, 8 bits",
}
ROOM = "room"


def table(evaluation: Path) -> str:
    """Return a row for each condition, a column for each model, as far as they were tested."""
    paths = {name: evaluation / model / "robustness.csv" for model, name in MODELS.items()}
    found = {name: _lines(path) for name, path in paths.items() if is_current(path, evaluation)}
    if not found:
        return ""
    header = f"| test clips | {' | '.join(found)} |\n|---|{'---|' * len(found)}\n"
    conditions = dict.fromkeys(key for lines in found.values() for key in lines)
    return header + "".join(_row(key, list(found.values())) for key in conditions)


def _lines(path: Path) -> dict[tuple[str, str], str]:
    """Return CER with its interval, by condition and level."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return {(line["condition"], line["snr_db"]): interval(_numbers(line), "cer") for line in lines}


def _numbers(line: dict[str, str]) -> dict[str, float]:
    return {name: float(line[name]) for name in ("cer", "cer_low", "cer_high")}


def _row(key: tuple[str, str], found: list[dict[tuple[str, str], str]]) -> str:
    return f"| {_named(*key)} | {' | '.join(lines.get(key, '') for lines in found)} |\n"


def _named(condition: str, snr_db: str) -> str:
    if condition.startswith(ROOM):
        return f"a room whose echo lasts {condition.removeprefix(ROOM)} s"
    return CONDITIONS[condition] + (f" at {float(snr_db):.0f} dB" if snr_db else "")
