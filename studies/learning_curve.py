"""Learning curves of the head and a control: how many labels does transfer spare?

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as stages write them; CONTROL and CONTROL_EMBEDDINGS, the
        same of a control
Writes  CURVE, a folder for git: runs.csv, a line for each training; curve.csv, CER on test by
        minutes with intervals; metrics.json, the minutes at which the head is as good as the
        control with all minutes. SCRATCH keeps finished trainings for the next run
Knobs   learning_curve: minutes, draws; head; train_head, whose epochs and batches are scaled to
        the amount; compute; evaluate: resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import json
from pathlib import Path
from typing import Any

from pydantic import PositiveFloat, PositiveInt

from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.amounts import minutes_of
from voicegraft.studies.label_efficiency import Curve, Run, rows, spared
from voicegraft.studies.learner import DEV_MINUTES, Learner, run_all
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.scratch import tidied


class LearningCurve(Section):
    """The amounts, and the number of draws of each."""

    minutes: list[PositiveFloat]
    draws: PositiveInt


def runs(
    learners: dict[str, Learner],
    params: LearningCurve,
    most: float,
    accelerator: str,
    used: set[str],
) -> list[tuple[str, Run]]:
    """Return all runs with the names of their models, the smallest amount first.

    An amount above `most` minutes stands for all speech. The names of the runs are added to `used`.
    """
    wanted = [
        (name, minutes, number)
        for minutes in sorted({min(amount, most) for amount in params.minutes})
        for number in range(params.draws)
        for name in learners
    ]
    trained = run_all([(learners[name], *which) for name, *which in wanted], accelerator, used)
    return [(name, run) for (name, *_), run in zip(wanted, trained, strict=True)]


def write_curve(
    folder: Path, done: list[tuple[str, Run]], curves: dict[str, Curve], found: dict[str, Any]
) -> None:
    """Write the tables for git."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [(n, r.minutes, r.draw, r.epochs, r.seconds, round(r.rate("cer"), 4)) for n, r in done]
    write_rows(folder / "runs.csv", ("model", "minutes", "draw", "epochs", "seconds", "cer"), lines)
    write_rows(
        folder / "curve.csv", ("model", "minutes", "cer", "cer_low", "cer_high"), rows(curves)
    )
    write_json(folder / "metrics.json", found)


def main(
    upstream: Path,
    corpus: Path,
    embeddings: Path,
    control: Path,
    control_embeddings: Path,
    curve: Path,
    scratch: Path,
) -> None:
    params = load_params(LearningCurve, "learning_curve", STUDIES_FILE)
    evaluate = load_params(Evaluate, "evaluate")
    choice = load_params(HeadChoice, "head")
    fit = load_params(Fit, "train_head")
    compute = load_params(Compute, "compute")
    learners = {
        name: Learner(states_of, states, corpus, scratch / name, choice, fit, compute, DEV_MINUTES)
        for name, states_of, states in (
            ("head", upstream, embeddings),
            (control.name, control, control_embeddings),
        )
    }
    most = minutes_of(Corpus(corpus).of("train"))
    with tidied(*(learner.scratch for learner in learners.values())) as used:
        done = runs(learners, params, most, compute.accelerator, used)
    curves = {n: Curve([run for name, run in done if name == n], evaluate) for n in learners}
    found = spared(curves["head"], curves[control.name], evaluate)
    of = provenance(corpus=corpus, upstream=upstream, training=[choice, fit], settings=evaluate)
    write_curve(curve, done, curves, found | {KEY: of})
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    run_stage(main)
