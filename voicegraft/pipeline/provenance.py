"""What an evaluation or a model is of, by hashes of contents.

Files of evaluation/ stay when the corpus is changed, or a recipe is no longer listed. So each names
the corpus, the model and the settings it is of, as lines such as "corpus:0123456789abcdef". A list
of lines is what DVC leaves out of its tables of metrics.

A line is 64 bits of a SHA-256. That of a corpus goes over its samples too, so no text can be tried
against it by those who do not have the recordings.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voicegraft.pipeline.files import read_json, whole

KEY = "of"
"""Under which lines stand in JSON; in a table it is a column."""
MADE_OF = "made_of.json"
"""In the folder of a model: the lines of what it was trained from."""
FILES = {"corpus": ("manifest.csv", "audio.npy")}
"""What counts of a folder, where that is not all: rejects.csv names files of this machine."""
HEX_DIGITS = 16

Part = Path | BaseModel | Sequence[BaseModel]
"""A folder, by the content of its files; or sections of params.yaml."""


def provenance(**parts: Part) -> list[str]:
    """Return a line for each of `parts`; of a `model` the lines of what it was made of as well.

    Args:
        parts: `corpus`, `model`, `upstream` and `head` are folders; `settings` are what scores,
            `training` what trains.
    """
    lines = [f"{name}:{_digest(name, part)}" for name, part in parts.items()]
    made_of = parts["model"] / MADE_OF if "model" in parts else None
    return lines + (read_json(made_of) if made_of and made_of.is_file() else [])


def remember(model: Path, **parts: Part) -> None:
    """Write into the folder of a model what it was made of, as `provenance` takes it."""
    with whole(model / MADE_OF) as partial:
        partial.write_text(json.dumps(provenance(**parts), indent=2) + "\n", encoding="utf-8")


def parse(lines: Iterable[str]) -> dict[str, str]:
    """Return the hashes of `lines`, or of the cell of a table that they are joined in, by name."""
    each = lines.split() if isinstance(lines, str) else lines
    return dict(line.split(":", 1) for line in each)


def named(found: Any) -> dict[str, str]:
    """Return the hashes that JSON names, by name; nothing if it names none."""
    return parse(found.get(KEY, [])) if isinstance(found, dict) else {}


def cell(lines: Iterable[str]) -> str:
    """Return `lines` as a cell of a table."""
    return " ".join(lines)


def _digest(name: str, part: Part) -> str:
    content = _hashes(part, FILES.get(name)) if isinstance(part, Path) else _knobs(part)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:HEX_DIGITS]


def _hashes(folder: Path, names: Sequence[str] | None) -> dict[str, str]:
    """Return the hash of each file by its name; 800 MB take some 0.6 s."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [folder / name for name in names] if names else found
    return {file.relative_to(folder).as_posix(): _hash(file) for file in files}


def _hash(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _knobs(part: BaseModel | Sequence[BaseModel]) -> list[dict[str, Any]]:
    sections = [part] if isinstance(part, BaseModel) else part
    return [section.model_dump(mode="json") for section in sections]
