"""The journal of corrections: a line of JSON for each, written before the table, never changed.

It is `corrections.jsonl` beside the tables. Whoever is killed between both leaves a last entry that
the table lacks, and the next start carries it out. A line that was cut by a kill is passed over:
nothing had followed from it.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

NAME = "corrections.jsonl"
Cells = dict[str, str]


@dataclass(frozen=True)
class Entry:
    """What was done to a line of a table."""

    action: str  # correct, confirm, reject, record, or undo
    table: str  # its path from the folder
    clip: str  # its name there
    before: Cells | None  # the cells that change; None: there was no such line
    after: Cells | None  # None: the line is taken out
    found: str  # the digest of the table before
    undoes: int | None = None  # the place of another entry
    time: str = ""  # in UTC

    def inverse(self, place: int, found: str) -> "Entry":
        """Return the entry that undoes this one, which has the place given."""
        turned = replace(self, action="undo", before=self.after, after=self.before)
        return replace(turned, found=found, undoes=place, time="")


class Journal:
    """The entries of a file, in their order."""

    def __init__(self, path: Path):
        self.path, self.entries = path, []
        self._read_bytes = 0
        self.refresh()

    def refresh(self) -> None:
        """Read what was added, by this process or by another."""
        if not self.path.is_file():
            return
        with open(self.path, "rb") as file:
            file.seek(self._read_bytes)
            new = file.read()
        ended = new[: new.rfind(b"\n") + 1]
        self._read_bytes += len(ended)
        self.entries += [entry for line in ended.splitlines() if (entry := _parsed(line))]

    def add(self, entry: Entry) -> None:
        """Write an entry to the disk; it is there when this returns."""
        timed = replace(entry, time=datetime.now(UTC).isoformat(timespec="milliseconds"))
        with open(self.path, "a+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            torn = b"" if file.read(1) in (b"\n", b"") else b"\n"
            line = json.dumps(asdict(timed), ensure_ascii=True).encode()
            file.write(torn + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.refresh()

    def standing(self) -> list[int]:
        """Return the places of the entries that are not undone, in their order."""
        undone = {entry.undoes for entry in self.entries}
        return [
            place
            for place, entry in enumerate(self.entries)
            if entry.undoes is None and place not in undone
        ]

    def done(self) -> set[tuple[str, str]]:
        """Return the (table, clip) that somebody has dealt with."""
        entries: Sequence[Entry] = [self.entries[place] for place in self.standing()]
        return {(entry.table, entry.clip) for entry in entries}


def _parsed(line: bytes) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
