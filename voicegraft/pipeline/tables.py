"""Tables as CSV: written atomically, read with checked types."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TypeVar

from voicegraft.pipeline.files import reading, whole

Record = TypeVar("Record")
"""A dataclass whose fields are numbers and strings."""


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ","
) -> None:
    """Write a CSV file atomically."""
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def write_records(path: Path, kind: type[Record], records: Iterable[Record]) -> None:
    """Write a CSV file with a column for each field of `kind` and a line for each of `records`."""
    write_rows(path, [field.name for field in fields(kind)], map(astuple, records))


def read_rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """Return the lines of a table that was written here, by column.

    Raises:
        DamagedError: if it has no header, ends within a line, or has a line of another length.
    """
    with reading(path):
        text = path.read_bytes().decode("utf-8")
        if not text.endswith("\n"):
            raise ValueError("it ends within a line" if text else "it is empty")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        if any(None in row or None in row.values() for row in rows):
            raise ValueError("a line has not as many cells as the header")
        return rows


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Return the records of a file that `write_records` has written.

    Raises:
        ValueError: if the file has other columns, from another version or another program.
    """
    types = {field.name: field.type for field in fields(kind)}
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if list(rows.fieldnames or ()) != list(types):
            raise ValueError(
                f"{path} has the columns {', '.join(rows.fieldnames or ()) or 'none'}, not "
                f"{', '.join(types)}: move it away"
            )
        return [kind(**{name: types[name](row[name]) for name in types}) for row in rows]
