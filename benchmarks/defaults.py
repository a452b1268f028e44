"""Settings of the head, compared by their mean dev CER over several corpora.

    python -m benchmarks.defaults RUNS cs=FOLDER nl=FOLDER yo=FOLDER [--minutes 10] [--only NAME …]

Reads   each FOLDER, a checkout whose `corpus` in params.yaml is another one, after `dvc repro
        extract_embeddings`; its `head` and `train_head` are the first setting
Writes  RUNS: for each training the errors on dev, clip by clip. One that is there is not repeated
Prints  a table in Markdown, in per cent: the first setting's dev CER; of the others besides, by how
        much it differs, paired on the same clips
"""

import argparse
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from voicegraft.embedding.store import Store
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate, summarise
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline import plugins
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import load_params
from voicegraft.review.markdown import table
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.amounts import draw
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.inputs import learnable


@dataclass(frozen=True)
class Setting:
    """A difference from params.yaml, or from the constants in the head's file."""

    name: str
    head: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


SETTINGS = (
    Setting("as in params.yaml"),
    Setting("lr 0.0005", fit={"lr": 0.0005}),
    Setting("lr 0.002", fit={"lr": 0.002}),
    Setting("ctc_linear", head={"name": "ctc_linear"}),
    Setting("ctc_linear, lr 0.002", head={"name": "ctc_linear"}, fit={"lr": 0.002}),
    Setting("15 epochs", fit={"epochs": 15}),
    Setting("batches of 20 s", fit={"batch_seconds": 20.0}),
    Setting("batches of 60 s", fit={"batch_seconds": 60.0, "min_steps": 0}),
    Setting("3 layers in the head", sizes={"LAYERS": 3}),
    Setting("10 epochs alone", fit={"min_steps": 0}),
)


def trained(project: Path, setting: Setting, minutes: float | None) -> list[Score]:
    """Train a head on all of train, or on so many minutes of it, and return its errors on dev."""
    params = project / "params.yaml"
    choice = load_params(HeadChoice, "head", params).model_copy(update=setting.head)
    fit = load_params(Fit, "train_head", params).model_copy(update=setting.fit)
    corpus, store = Corpus(project / "data/corpus"), Store(project / "data/embeddings")
    train = corpus.of("train")
    train = draw(train, minutes, fit.seed) if minutes else train
    with patch.dict(vars(plugins.load("heads", choice.name)), setting.sizes):
        model = graft(choice.layer, choice, store, train, project / "models/upstream", fit.seed)
    compute = load_params(Compute, "compute", params)
    trainer = head_trainer(model, store, fit, compute)
    dev = corpus.of("dev")
    sides = [learnable(side, trainer.inputs, model) for side in (train, dev)]
    with tempfile.TemporaryDirectory() as scratch:
        trainer.run(*sides, Checkpoint(Path(scratch) / "run"))
    return score(dev, trainer.predict(dev), model.labels)


def recalled(file: Path, project: Path, setting: Setting, minutes: float | None) -> list[Score]:
    """Return the scores that the file has; trained now if there is none."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, [asdict(s) for s in trained(project, setting, minutes)])
    return [Score(**values) for values in json.loads(file.read_text(encoding="utf-8"))]


Interval = tuple[float, float, float]
"""A value, and between which it is."""


def rate(scores: Sequence[Score], params: Evaluate) -> Interval:
    """Return the dev CER."""
    found = summarise(scores, params)
    return found["cer"], found["cer_low"], found["cer_high"]


def change(first: Sequence[Score], scores: Sequence[Score], params: Evaluate) -> Interval:
    """Return the change of the dev CER on the same clips."""
    found = difference(first, scores, "cer", params)
    return found.change, found.low, found.high


def mean(found: Sequence[Interval]) -> Interval:
    """Return the mean of what varies independently: variances add up."""
    value = sum(v for v, *_ in found) / len(found)
    below = math.hypot(*(v - low for v, low, _ in found)) / len(found)
    above = math.hypot(*(high - v for v, _, high in found)) / len(found)
    return value, value - below, value + above


def cells(scores: Sequence[Sequence[Score]], first: Sequence[Sequence[Score]] | None,
          params: Evaluate) -> list[str]:  # fmt: skip
    """Return the dev CER on each corpus and their mean, with intervals: of itself, or of the
    change to the first setting."""
    rates = [rate(s, params) for s in scores]
    rates.append(mean(rates))
    if first is None:
        return [f"{100 * v:.1f} ({100 * low:.1f}–{100 * high:.1f})" for v, low, high in rates]
    changes = [change(*pair, params) for pair in zip(first, scores, strict=True)]
    changes.append(mean(changes))
    return [
        f"{100 * of[0]:.1f}: {100 * v:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
        for of, (v, low, high) in zip(rates, changes, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("projects", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--only", nargs="*")
    chosen = parser.parse_args()
    torch.set_num_threads(1)  # results on one core do not depend on the machine's size
    projects = {name: Path(at) for name, _, at in (p.partition("=") for p in chosen.projects)}
    amount = f"{chosen.minutes:g} minutes" if chosen.minutes else "all"
    folder, rows, first = chosen.runs / amount, [], None
    params = load_params(Evaluate, "evaluate", next(iter(projects.values())) / "params.yaml")
    for setting in SETTINGS:
        if chosen.only and setting.name not in chosen.only:
            continue
        scores = [
            recalled(folder / name / f"{setting.name}.json", at, setting, chosen.minutes)
            for name, at in projects.items()
        ]
        rows.append([setting.name, *cells(scores, first, params)])
        first = first or scores
    print(table(["", *projects, "mean"], rows))


if __name__ == "__main__":
    main()
