"""Which files of evaluation/ a table of README.md may show: those of what the pipeline holds."""

import csv
import json
from pathlib import Path
from typing import Any

from voicegraft.evaluation.current import Current
from voicegraft.pipeline.provenance import KEY, named, parse


def is_current(path: Path, evaluation: Path) -> bool:
    """Return whether a file is there, and is of the corpus and the models of now.

    Args:
        path: of JSON or a table, somewhere in `evaluation`.
        evaluation: with corpus.json and the evaluation of each model.
    """

    def read(name: str) -> Any:
        file = evaluation / name.removeprefix("evaluation/")
        return json.loads(file.read_bytes()) if file.is_file() else None

    if not path.is_file():
        return False
    beside = named(read(f"{path.relative_to(evaluation).parent.as_posix()}/rates.json"))
    return not Current.read(read).why_old(_of(path), beside)


def _of(path: Path) -> dict[str, str]:
    if path.suffix == ".json":
        return named(json.loads(path.read_bytes()))
    with open(path, encoding="utf-8", newline="") as file:
        return parse(next(csv.DictReader(file), {}).get(KEY) or "")
