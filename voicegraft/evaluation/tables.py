"""Write a table whole or not at all."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from voicegraft.whole import whole


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ","
) -> None:
    """Write a CSV file that bears its name only once complete."""
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
