"""What became of a fault, and the journal in which outcomes are kept, so that a run can go on."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.runs import Ended

WRONG, HALF, TRACEBACK, HANG, ORPHAN, BY_HAND, UNCLEAR = KINDS = (
    "wrong bytes",
    "half files",
    "tracebacks",
    "hangs",
    "orphans",
    "by hand",
    "unclear errors",
)
SAME, REFUSED, BY_DVC = WELL = ("right bytes", "refused in a line", "seen by DVC alone")
"""How a fault may end well."""
LONGEST = 4000
"""Characters that are kept of what went wrong: a traceback, from where it begins."""


@dataclass
class Outcome:
    """What went wrong under one fault, by kind; nothing, if all is well."""

    wrong: dict[str, str] = field(default_factory=dict)
    well: str = SAME
    """How it ended, where nothing went wrong."""

    def add(self, kind: str, what: object) -> None:
        """Note something that went wrong, if `what` is not empty."""
        if what:
            self.wrong.setdefault(kind, str(what)[-LONGEST:])

    def look(self, ended: Ended, ok: tuple[int, ...] = (0,)) -> "Outcome":
        """Note what the way a run ended says: it hangs, leaves processes or prints a traceback."""
        self.add(HANG, ended.status is None and ended.printed[-300:] + " …")
        self.add(ORPHAN, ended.orphans)
        self.add(TRACEBACK, "Traceback (most recent" in ended.printed and ended.printed)
        if ended.status is not None and ended.status not in ok:
            self.add(BY_HAND, f"status {ended.status}: {ended.printed[-400:]}")
        return self

    def refused(self, ended: Ended, *names: str) -> "Outcome":
        """Note unless a run that failed says so in a line with one of these names."""
        self.look(ended, (0, 1))
        if ended.status == 1:
            self.well = REFUSED
            named = any(name in ended.last_line for name in names)
            self.add(UNCLEAR, not named and f"{names} not in: {ended.last_line}")
        return self


@dataclass(frozen=True)
class Fault:
    """One fault: what it is done to, and what does it."""

    part: str
    name: str
    inflict: Callable[[], Outcome]


class Journal:
    """One line of JSON for each fault that was inflicted."""

    def __init__(self, path: Path):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.known = {(line["part"], line["name"]): line for line in map(json.loads, lines)}

    def __contains__(self, fault: Fault) -> bool:
        return (fault.part, fault.name) in self.known

    def add(self, fault: Fault, outcome: Outcome) -> None:
        """Keep the outcome."""
        line = {"part": fault.part, "name": fault.name, "wrong": outcome.wrong}
        line["well"] = "" if outcome.wrong else outcome.well
        self.known[fault.part, fault.name] = line
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many faults each part had, and how many ended how."""
        found: dict[str, Counter[str]] = {}
        for line in self.known.values():
            counter = found.setdefault(line["part"], Counter())
            counter.update(["faults", *line["wrong"], *([line["well"]] if line["well"] else [])])
        kinds = ("faults", *KINDS, *WELL)
        return {part: {kind: count[kind] for kind in kinds} for part, count in found.items()}

    @property
    def code(self) -> str:
        """A hash of the code that was tried: the journal lies in its folder."""
        return self.path.parent.name

    def bad(self) -> Iterator[str]:
        """Yield a line for each fault under which something went wrong."""
        for line in self.known.values():
            for kind, what in line["wrong"].items():
                yield f"{line['part']}: {line['name']}: {kind}: {what}"


def together(journals: Iterable[Journal]) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Return the counts of every part by the last journal that has it, and the code it is of."""
    counts, code = {}, {}
    for journal in journals:
        found = journal.counts()
        counts |= found
        code |= dict.fromkeys(found, journal.code)
    return counts, code
