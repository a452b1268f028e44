"""Train heads on subsets of speech or with several seeds, and score them on test."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from voicegraft.embedding.knobs import head_layer
from voicegraft.embedding.store import Store
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import DECIMALS
from voicegraft.model.head import HeadChoice
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.label_efficiency import Run
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit, long_enough, scaled, steps_of_epoch
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.inputs import learnable
from voicegraft.training.scratch import RESULT, fingerprint, keep, recall

DEV_MINUTES = 2.0
"""Minutes of dev for choosing the epoch, in proportion to small amounts of training speech."""


def budget(fit: Fit, everything: Sequence[Utterance], minutes: float, number: int) -> Fit:
    """Return the budget for `minutes` of the clips that `fit` is given for; its seed is the draw's.

    Args:
        fit: for all clips.
        everything: these clips.
        minutes: of speech to train on.
        number: of the draw.
    """
    share = minutes / minutes_of(everything)
    steps = len(steps_of_epoch(everything, fit, 0))
    found = scaled(long_enough(fit, steps), share)
    return found.model_copy(update={"seed": fit.seed + number})


def part_of_dev(corpus: Corpus, minutes: float, number: int) -> list[Utterance]:
    """Return at most so many minutes of dev, drawn with the number of the draw as seed."""
    dev = corpus.of("dev")
    return draw(dev, min(minutes, minutes_of(dev)), number)


@dataclass(frozen=True)
class Learner:
    """Trains heads on the states of one upstream.

    All fields except `scratch` are in the name of a run.
    """

    upstream: Path
    embeddings: Path
    corpus: Path
    scratch: Path
    choice: HeadChoice
    fit: Fit
    compute: Compute
    dev_minutes: float = math.inf
    """The most minutes of dev for choosing the epoch."""

    def name(self, minutes: float, number: int) -> str:
        """Return the name of the run on `minutes` in draw `number`."""
        return fingerprint({"learner": self._name, "minutes": minutes, "draw": number})

    @cached_property
    def _name(self) -> str:
        read = {field.name: getattr(self, field.name) for field in fields(self)}
        del read["scratch"]
        return fingerprint(read)

    def run(self, minutes: float, number: int, name: str) -> Run:
        """Train on `minutes` in draw `number`, or recall the run of that name."""
        if kept := recall(self.scratch / name / RESULT):
            _, values = kept
            return Run(**values | {"scores": [Score(**s) for s in values["scores"]]})
        checkpoint = Checkpoint(self.scratch / name)
        run = self._train(minutes, number, checkpoint)
        keep(self.scratch / name / RESULT, {}, asdict(run))
        checkpoint.discard()
        return run

    def _train(self, minutes: float, number: int, checkpoint: Checkpoint) -> Run:
        corpus = Corpus(self.corpus)
        everything = corpus.of("train")
        train = draw(everything, minutes, number)
        dev = part_of_dev(corpus, self.dev_minutes, number)
        fit = budget(self.fit, everything, minutes, number)
        store = Store(self.embeddings)
        layer = head_layer(self.choice.layer, store)
        model = graft(layer, self.choice, store, train, self.upstream, fit.seed)
        trainer = head_trainer(model, store, fit, self.compute, quiet=True)
        began = time.monotonic()
        sides = [learnable(side, trainer.inputs, trainer.bare) for side in (train, dev)]
        history = trainer.run(*sides, checkpoint)
        seconds = time.monotonic() - began
        test = corpus.of("test")
        scores = score(test, trainer.predict(test), trainer.bare.labels)
        return Run(minutes, number, len(history) - 1, round(seconds, 1), scores)


def run_all(
    wanted: Sequence[tuple[Learner, float, int]], accelerator: str, used: set[str]
) -> Iterator[Run]:
    """Yield the runs of `wanted`: (learner, minutes, number of the draw), in that order.

    On a CPU each core trains one head at a time: small heads gain little from a second core, and
    results on one core do not depend on the machine's size.

    Args:
        wanted: see above.
        accelerator: as in `Compute`.
        used: the names of the runs are added to it.
    """
    named = [(*which, which[0].name(*which[1:])) for which in wanted]
    used.update(name for *_, name in named)
    on_cpu = accelerator == "cpu" or not torch.cuda.is_available()
    with parallel_config("loky", n_jobs=-1 if on_cpu else 1, inner_max_num_threads=1):
        jobs = (delayed(learner.run)(*which) for learner, *which in named)
        runs = Parallel(return_as="generator")(jobs)
        yield from tqdm(runs, total=len(wanted), unit="head")


def variation(runs: Sequence[Run]) -> dict[str, Any]:
    """Return mean, standard deviation, lowest and highest of each rate, over at least two runs."""
    found: dict[str, Any] = {"seeds": len(runs)}
    for metric in Score.RATES:
        rates = np.array([run.rate(metric) for run in runs])
        values = {
            "mean": rates.mean(),
            "deviation": rates.std(ddof=1),
            "lowest": rates.min(),
            "highest": rates.max(),
        }
        found[metric] = {name: round(float(value), DECIMALS) for name, value in values.items()}
    return found
