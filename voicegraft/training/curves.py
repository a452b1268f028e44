"""Learning curves, as dvclive writes them and `dvc plots` draws them."""

import csv
from collections.abc import Sequence
from pathlib import Path

from dvclive import Live


def write_curves(history: Sequence[dict[str, float]], folder: Path) -> None:
    """Write one .tsv for each value of `history`, whose records carry their `step`."""
    with Live(str(folder), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        for record in history:
            live.step = int(record["step"])
            for name, value in record.items():
                if name != "step":
                    live.log_metric(name, round(value, 6))


def read_dev_cer(folder: Path) -> list[float]:
    """Return CER on dev by epoch, from the curves in `folder`; the first is before any."""
    path = folder / "plots" / "metrics" / "dev" / "cer.tsv"
    with open(path, encoding="utf-8", newline="") as file:
        return [float(row["cer"]) for row in csv.DictReader(file, delimiter="\t")]
