"""What the pipeline knows of a model, found beside it: evaluation/, params.yaml, models/upstream.

Scores count only if their provenance is that of the model's files: those of another training would
be a false claim. No sentence of a corpus is read.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicegraft.language.settings import FOLDER as DECODER
from voicegraft.model.saved import WEIGHTS
from voicegraft.model.upstream import IDENTITY_FILE
from voicegraft.pipeline.files import read_json, sha256_of
from voicegraft.pipeline.params import PARAMS_FILE, read_params
from voicegraft.pipeline.provenance import named, provenance

SPLITS = ("test", "unseen")


@dataclass(frozen=True)
class Score:
    """Rates of a model on a side of the corpus, as rates.json has them."""

    split: str
    rates: dict[str, Any]
    with_language_model: bool
    worst_seconds: dict[str, str] | None
    """The row of slices.csv with the highest rate among lengths of clips; None if there is none."""


@dataclass(frozen=True)
class Facts:
    """What is known; None or empty is unknown.

    Attributes:
        language: a code, as params.yaml has it.
        checkpoint: of the upstream.
        upstream_licence: of its weights.
        sides: of the corpus, as corpus.json has them: clips, hours, speakers.
        scores: of the model, greedy ones first.
    """

    language: str | None = None
    checkpoint: str | None = None
    upstream_licence: str | None = None
    sides: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    trained_on: dict[str, bool] = field(default_factory=dict)
    """By side, whether voices of train are in it; a side of which that is unknown is left out."""


def beside(model: Path, upstream: str) -> Facts:
    """Return the facts about the model in a folder `models/<name>` of a project.

    Args:
        model: see above.
        upstream: the name of its upstream.

    Raises:
        DamagedError: if a file that is there cannot be read.
    """
    root, identity = model.resolve().parent.parent, _identity(model, upstream)
    found = {"checkpoint": identity.get("checkpoint"), "upstream_licence": identity.get("licence")}
    corpus = _json(root / "evaluation/corpus.json")
    files = [file for file in _scored(root, model) if _same_corpus(file, corpus)]
    if not files:
        return Facts(**found)
    scores = [score for file in files for score in _scores(file)]
    scores.sort(key=lambda score: score.with_language_model)
    sides = corpus["splits"]
    return Facts(
        _language(root), **found, sides=sides, scores=scores, trained_on=_trained_on(corpus)
    )


def _identity(model: Path, upstream: str) -> dict[str, Any]:
    """Return upstream.json if it is of an upstream of that name, else nothing."""
    identity = _json(model.resolve().parent / "upstream" / IDENTITY_FILE)
    return identity if identity.get("name") == upstream else {}


def _language(root: Path) -> str | None:
    path = root / PARAMS_FILE
    return read_params(path).get("corpus", {}).get("language") if path.is_file() else None


def _trained_on(corpus: dict[str, Any]) -> dict[str, bool]:
    """Return for test whether its voices train the model too; none of unseen does."""
    shared = corpus.get("shared", {}).get("train-test", {})
    return {"unseen": False} | ({"test": bool(shared["speakers"])} if "speakers" in shared else {})


def _scored(root: Path, model: Path) -> Iterator[Path]:
    """Yield each rates.json that is of the weights of `model`.

    `decode` names the folder that it began from, whose weights are the same: top3 of top3_lm.
    """
    weights = sha256_of(model / WEIGHTS)
    twins = [path.parent for path in model.resolve().parent.glob(f"*/{WEIGHTS}")]
    same = {_own(twin) for twin in twins if sha256_of(twin / WEIGHTS) == weights}
    for file in sorted(root.glob("evaluation/*/rates.json")):
        of = named(read_json(file))
        if of.get("model") in same and ("language" not in of or (model / DECODER).is_dir()):
            yield file


def _own(model: Path) -> str:
    return provenance(model=model)[0].removeprefix("model:")


def _same_corpus(file: Path, corpus: dict[str, Any]) -> bool:
    return bool(corpus) and named(read_json(file)).get("corpus") == named(corpus).get("corpus")


def _scores(file: Path) -> Iterator[Score]:
    found = read_json(file)
    for split in SPLITS:
        if split in found:
            worst = _worst_seconds(file.with_name("slices.csv"), split)
            yield Score(split, found[split], "language" in named(found), worst)


def _worst_seconds(path: Path, split: str) -> dict[str, str] | None:
    if not path.is_file():
        return None
    with open(path, encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["split"], r["kind"]) == (split, "seconds")]
    return max(rows, key=lambda row: float(row["cer"]), default=None) if _has_cer(rows) else None


def _has_cer(rows: list[dict[str, str]]) -> bool:
    return bool(rows) and "cer" in rows[0]


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}
