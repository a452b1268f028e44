"""Train the head with several seeds, to measure the variation of scores by seed.

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as stages write them
Writes  NOISE, a folder for git: utterances.csv, the errors on test for each seed, clip by clip;
        seeds.csv, the rates for each seed; metrics.json, their variation, for `voicegraft compare`.
        SCRATCH keeps finished trainings for the next run
Knobs   seed_noise: seeds; head, train_head, compute, as for the head; privacy:
        committed_names, salt; corpus: name, for what is public
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path
from typing import Annotated

from pydantic import Field

from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.evaluation.scores import COLUMNS, Score
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.amounts import minutes_of
from voicegraft.studies.learner import Learner, run_all, variation
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.scratch import tidied


class SeedNoise(Section):
    """The number of seeds, from train_head.seed on."""

    seeds: Annotated[int, Field(ge=2)]


def main(upstream: Path, corpus: Path, embeddings: Path, noise: Path, scratch: Path) -> None:
    seeds = load_params(SeedNoise, "seed_noise", STUDIES_FILE).seeds
    choice, names = load_params(HeadChoice, "head"), load_names()
    fit = load_params(Fit, "train_head")
    compute = load_params(Compute, "compute")
    learner = Learner(upstream, embeddings, corpus, scratch, choice, fit, compute)
    everything = minutes_of(Corpus(corpus).of("train"))
    wanted = [(learner, everything, number) for number in range(seeds)]
    with tidied(scratch) as used:
        runs = list(run_all(wanted, compute.accelerator, used))
    noise.mkdir(parents=True, exist_ok=True)
    rows = [(fit.seed + run.draw, *(round(run.rate(m), 4) for m in Score.RATES)) for run in runs]
    write_rows(noise / "seeds.csv", ("seed", *Score.RATES), rows)
    clips_of = [
        (fit.seed + run.draw, *(getattr(s, name) for name in COLUMNS))
        for run in runs
        for s in names.committed(run.scores)
    ]
    write_rows(noise / "utterances.csv", ("seed", *COLUMNS), clips_of)
    of = provenance(corpus=corpus, upstream=upstream, training=[choice, fit])
    write_json(noise / "metrics.json", variation(runs) | {KEY: of})


if __name__ == "__main__":
    run_stage(main)
