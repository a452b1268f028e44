"""What is left out of a corpus: listed with reasons, and refused if it is too much."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from voicegraft.whole import whole

KNOBS = {
    "too short": "min_seconds",
    "too long": "max_seconds",
    "silent": "min_dbfs",
    "too fast": "max_characters_per_second",
}
"""Of prepare_data.check, by the reason that each stands behind."""


class RejectsError(ValueError):
    """So much of a corpus is unusable that something else must be wrong."""


@dataclass(frozen=True)
class Reject:
    """A clip that is left out: `reason` is short, to count by, `detail` to look into."""

    id: str
    file: str
    reason: str
    detail: str = ""


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write a table of `rejects`, in the order given."""
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Reject))
        table.writerows(map(astuple, rejects))


def _named(reason: str) -> str:
    return f"{reason} (prepare_data.check.{KNOBS[reason]})" if reason in KNOBS else reason


def check_share(rejects: Sequence[Reject], clips: int, max_share: float) -> None:
    """Raise RejectsError, with reasons, counts and examples, if over `max_share` of `clips` go."""
    if len(rejects) <= max_share * clips:
        return
    first = {r.reason: r for r in reversed(rejects)}
    counts = Counter(r.reason for r in rejects).most_common()
    lines = [
        f"  {n} {_named(why)}, such as {first[why].file} {first[why].detail}" for why, n in counts
    ]
    raise RejectsError(
        f"{len(rejects)} of {clips} clips are unusable, "
        f"more than prepare_data.max_reject_share ({max_share:g}) allows:\n" + "\n".join(lines)
    )
