"""Settings of the head or of a recipe, compared by their mean dev CER over several corpora.

    python -m benchmarks.defaults RUNS cs=FOLDER nl=FOLDER yo=FOLDER [--minutes 10] [--only NAME …]
    python -m benchmarks.defaults RUNS cs=FOLDER nl=FOLDER yo=FOLDER --recipe [--only NAME …]

Reads   each FOLDER, a checkout whose `corpus` in params.yaml is another one, after `dvc repro
        train_head`; what its params.yaml has is the first setting
Writes  RUNS: for each training the errors on dev, clip by clip. One that is there is not repeated
Prints  a table in Markdown, in per cent: the first setting's dev CER; of the others besides, by how
        much it differs, paired on the same clips
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.settings import HEADS, RECIPES, Setting
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.summary import Evaluate, summarise
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import load_params
from voicegraft.review.markdown import table


def recalled(file: Path, project: Path, setting: Setting, minutes: float | None) -> list[Score]:
    """Return the scores that the file has; trained now if there is none."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, [asdict(s) for s in setting.trained(project, minutes)])
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
    parser.add_argument("--recipe", action="store_true", help="of top3, in place of the head")
    parser.add_argument("--minutes", type=float, help="of train, drawn at random")
    parser.add_argument("--only", nargs="*")
    chosen = parser.parse_args()
    torch.set_num_threads(1)  # results on one core do not depend on the machine's size
    projects = {name: Path(at) for name, _, at in (p.partition("=") for p in chosen.projects)}
    amount = f"{chosen.minutes:g} minutes" if chosen.minutes else "all"
    settings = RECIPES if chosen.recipe else HEADS
    folder, rows, first = chosen.runs / f"{amount}{' top3' * chosen.recipe}", [], None
    params = load_params(Evaluate, "evaluate", next(iter(projects.values())) / "params.yaml")
    for setting in settings:
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
