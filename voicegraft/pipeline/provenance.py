"""Provenance: hashes of what an evaluation or a model was made from.

Files of evaluation/ stay when the corpus changes, or when a recipe is no longer listed. So each
file names its corpus, model and settings, as lines such as "corpus:0123456789abcdef". They are a
list, because DVC leaves lists out of its tables of metrics.

A line has 64 bits of a SHA-256. The hash of a corpus includes its samples, so nobody without the
recordings can test a guessed text against it.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voicegraft.pipeline.files import hashes, read_json, whole

KEY = "of"
"""The key of the lines in JSON, and their column in a table."""
MADE_OF = "made_of.json"
"""The file in a model's folder with the provenance of its training."""
FILES = {"corpus": ("manifest.csv", "audio.npy")}
"""Files of a folder that are hashed, if not all: rejects.csv names paths of this machine."""
HEX_DIGITS = 16

Part = Path | BaseModel | Sequence[BaseModel]
"""A folder, hashed by the content of its files; or sections of params.yaml."""


def provenance(**parts: Part) -> list[str]:
    """Return a line for each of `parts`; for a `model`, the lines of its training as well.

    Args:
        parts: `corpus`, `model`, `upstream` and `head` are folders; `settings` are knobs of
            scoring, `training` knobs of training.
    """
    lines = [f"{name}:{_digest(name, part)}" for name, part in parts.items()]
    made_of = parts["model"] / MADE_OF if "model" in parts else None
    return lines + (read_json(made_of) if made_of and made_of.is_file() else [])


def remember(model: Path, **parts: Part) -> None:
    """Write the provenance of a model into its folder; `parts` are those of `provenance`."""
    with whole(model / MADE_OF) as partial:
        partial.write_text(json.dumps(provenance(**parts), indent=2) + "\n", encoding="utf-8")


def parse(lines: Iterable[str]) -> dict[str, str]:
    """Return the hashes of `lines`, or of a table's cell with all lines, by name."""
    each = lines.split() if isinstance(lines, str) else lines
    return dict(line.split(":", 1) for line in each)


def named(found: Any) -> dict[str, str]:
    """Return the hashes in a JSON value, by name; empty if it has none."""
    return parse(found.get(KEY, [])) if isinstance(found, dict) else {}


def cell(lines: Iterable[str]) -> str:
    """Return `lines` as a cell of a table."""
    return " ".join(lines)


def _digest(name: str, part: Part) -> str:
    content = hashes(part, FILES.get(name, ())) if isinstance(part, Path) else _knobs(part)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:HEX_DIGITS]


def _knobs(part: BaseModel | Sequence[BaseModel]) -> list[dict[str, Any]]:
    sections = [part] if isinstance(part, BaseModel) else part
    return [section.model_dump(mode="json") for section in sections]
