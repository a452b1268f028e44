"""Write a table whole or not at all."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ","
) -> None:
    """Write a CSV file that bears its name only once complete."""
    partial = path.with_name(path.name + ".part")
    with open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
    os.replace(partial, path)
