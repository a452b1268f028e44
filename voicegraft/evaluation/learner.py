"""Heads trained on less and less speech, each scored on test from its stored states."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from voicegraft.embedding.store import Store
from voicegraft.evaluation.label_efficiency import Run
from voicegraft.evaluation.scores import Score, score
from voicegraft.heads import HeadChoice
from voicegraft.speech.manifest import Corpus
from voicegraft.training.amounts import draw, minutes_of, scaled
from voicegraft.training.checkpoint import Checkpoint, fingerprint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.grafting import graft, head_trainer, heard_layer
from voicegraft.training.inputs import learnable
from voicegraft.whole import whole


@dataclass(frozen=True)
class Learner:
    """Trains heads on the states of one upstream."""

    upstream: Path
    embeddings: Path
    corpus: Corpus
    scratch: Path
    choice: HeadChoice
    fit: Fit
    compute: Compute
    dev_minutes: float = math.inf
    """At most so many choose the epoch."""

    def run(self, minutes: float, number: int) -> Run:
        """Train on `minutes` drawn the `number`th time, or recall that it was done."""
        knobs = [section.model_dump() for section in (self.choice, self.fit, self.compute)]
        name = fingerprint(
            {"knobs": knobs, "minutes": minutes, "draw": number, "dev": self.dev_minutes},
            [self.upstream, self.embeddings],
        )
        kept = self.scratch / f"{name}.json"
        if not kept.is_file():
            # A folder for each: checkpoints of other runs in the same one would be removed.
            checkpoint = Checkpoint(self.scratch / name / "run")
            run = asdict(self._train(minutes, number, checkpoint))
            kept.parent.mkdir(parents=True, exist_ok=True)
            with whole(kept) as partial:
                partial.write_text(json.dumps(run), encoding="utf-8")
        fields = json.loads(kept.read_text(encoding="utf-8"))
        return Run(**fields | {"scores": [Score(**s) for s in fields["scores"]]})

    def _train(self, minutes: float, number: int, checkpoint: Checkpoint) -> Run:
        everything = self.corpus.of("train")
        train = draw(everything, minutes, number)
        dev = self.corpus.of("dev")
        dev = draw(dev, min(self.dev_minutes, minutes_of(dev)), number)
        share = minutes / minutes_of(everything)
        fit = scaled(self.fit, share).model_copy(update={"seed": self.fit.seed + number})
        store = Store(self.embeddings)
        layer = heard_layer(self.choice.layer, store)
        model = graft(layer, self.choice.name, store, train, self.upstream, fit.seed)
        trainer = head_trainer(model, store, fit, self.compute, quiet=True)
        began = time.monotonic()
        sides = [learnable(side, trainer.inputs, trainer.bare) for side in (train, dev)]
        history = trainer.run(*sides, checkpoint)
        seconds = time.monotonic() - began
        checkpoint.discard()
        test = self.corpus.of("test")
        scores = score(test, trainer.told(test), trainer.bare.labels)
        return Run(minutes, number, len(history) - 1, round(seconds, 1), scores)


def run_all(wanted: Sequence[tuple[Learner, float, int]], accelerator: str) -> Iterator[Run]:
    """Yield the run of each learner on so many minutes, drawn so often, in that order.

    On a CPU each core trains one at a time: small heads gain little from a second core, and on one
    they have the same bytes on a machine of any size.
    """
    on_cpu = accelerator == "cpu" or not torch.cuda.is_available()
    with parallel_config("loky", n_jobs=-1 if on_cpu else 1, inner_max_num_threads=1):
        jobs = (delayed(learner.run)(minutes, number) for learner, minutes, number in wanted)
        runs = Parallel(return_as="generator")(jobs)
        yield from tqdm(runs, total=len(wanted), unit="head")
