"""Which knobs of params.yaml were turned."""

from collections.abc import Mapping
from typing import Any

MISSING = "absent"


def changed(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Return the knobs that differ, by their whole names, with their values on both sides.

    A section that one side alone has stands for all of its knobs.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        values = old.get(name, MISSING), new.get(name, MISSING)
        if all(isinstance(value, Mapping) for value in values):
            found |= changed(*values, f"{prefix}{name}.")
        elif values[0] != values[1]:
            found[f"{prefix}{name}"] = _told(values[0]), _told(values[1])
    return found


def _told(value: Any) -> Any:
    return f"{_knobs(value)} knobs" if isinstance(value, Mapping) else value


def _knobs(section: Any) -> int:
    return sum(map(_knobs, section.values())) if isinstance(section, Mapping) else 1
