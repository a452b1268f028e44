"""A list of findings as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voicegraft.evaluation.tables import write_rows


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a line for each of `rows`, which have the same keys; without any, an empty file."""
    write_rows(path, list(rows[0]) if rows else [], [list(row.values()) for row in rows])
