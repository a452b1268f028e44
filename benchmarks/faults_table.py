"""How faults ended, as a table: what was done, how often, and what went wrong."""

from typing import Any

KINDS = {
    "wrong bytes": "wrong bytes",
    "half files": "half files",
    "tracebacks": "tracebacks",
    "hangs": "hangs",
    "orphans": "orphans",
    "by hand": "by hand",
    "unclear errors": "unclear errors",
}
"""What may go wrong, by the heading of its column."""
HEADER = f"""\
| fault | times | {" | ".join(KINDS.values())} |
|---|---|{"---|" * len(KINDS)}
"""


def table(measured: dict[str, Any]) -> str:
    """Return a row for each part of the harness, and one for all of them."""
    parts = measured.get("faults", {}).get("measured", {}).get("parts", {})
    rows = dict(sorted(parts.items()))
    if rows:
        total = {kind: sum(row[kind] for row in rows.values()) for kind in ("faults", *KINDS)}
        rows["all"] = total
    return HEADER + "".join(_row(name, row) for name, row in rows.items())


def _row(name: str, row: dict[str, int]) -> str:
    cells = " | ".join(str(row[kind]) for kind in ("faults", *KINDS))
    return f"| {name} | {cells} |\n"
