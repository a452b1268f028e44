"""Active learning: which clips should be labelled next, and how many minutes does that spare?

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as stages write them
Writes  FOUND, a folder for git: curve.csv, CER on test by labelled minutes for each way to choose,
        with intervals; runs.csv, a line for each training; metrics.json, the minutes at which each
        way is as good as random clips are with all minutes. SCRATCH keeps finished trainings
Knobs   active_learning: minutes, ways, draws; head; train_head, whose epochs and batches are scaled
        to the amount; compute; evaluate: resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, PositiveFloat, PositiveInt

from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.active_learning import Labelling, run_all
from voicegraft.studies.amounts import minutes_of
from voicegraft.studies.label_efficiency import Curve, reached, rows
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.scratch import tidied


def _increasing(minutes: list[float]) -> list[float]:
    if len(minutes) < 2 or minutes != sorted(set(minutes)):
        raise ValueError("must be two amounts or more, and increase")
    return minutes


def _with_random(ways: list[str]) -> list[str]:
    if "random" not in ways or len(set(ways)) < len(ways):
        raise ValueError("must have random, to compare with, and each way once")
    return ways


class ActiveLearning(Section):
    """The amounts, the ways to choose clips, and the number of draws."""

    minutes: Annotated[list[PositiveFloat], AfterValidator(_increasing)]
    ways: Annotated[
        list[Literal["random", "uncertainty", "diversity", "both"]], AfterValidator(_with_random)
    ]
    draws: PositiveInt


def main(upstream: Path, corpus: Path, embeddings: Path, found: Path, scratch: Path) -> None:
    params = load_params(ActiveLearning, "active_learning", STUDIES_FILE)
    evaluate = load_params(Evaluate, "evaluate")
    choice = load_params(HeadChoice, "head")
    fit = load_params(Fit, "train_head")
    compute = load_params(Compute, "compute")
    most = minutes_of(Corpus(corpus).of("train"))
    if params.minutes[-1] > most:
        raise ValueError(f"active_learning.minutes: train has {most:g}, not {params.minutes[-1]:g}")
    labelling = Labelling(upstream, embeddings, corpus, scratch, choice, fit, compute)
    with tidied(scratch) as used:
        done = list(run_all(labelling, params.ways, params.minutes, params.draws, used))
    curves = {way: Curve([r for name, r in done if name == way], evaluate) for way in params.ways}
    spared = {way: reached(curve, curves["random"], evaluate) for way, curve in curves.items()}
    del spared["random"]
    of = provenance(corpus=corpus, upstream=upstream, training=[choice, fit], settings=evaluate)
    found.mkdir(parents=True, exist_ok=True)
    lines = [(way, run.minutes, run.draw, round(run.rate("cer"), 4)) for way, run in done]
    write_rows(found / "runs.csv", ("model", "minutes", "draw", "cer"), lines)
    write_rows(
        found / "curve.csv", ("model", "minutes", "cer", "cer_low", "cer_high"), rows(curves)
    )
    write_json(found / "metrics.json", spared | {KEY: of})
    print(json.dumps(spared, indent=2))


if __name__ == "__main__":
    run_stage(main)
