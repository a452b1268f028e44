"""A head that learns from states with those of another voice mixed in, for voices never heard.

    python -m benchmarks.mixed_states CORPUS EMBEDDINGS MODEL HEAD [--most 0.3]

Reads   CORPUS, EMBEDDINGS and MODEL, the upstream, as the stages write them; HEAD, the head that
        train_head writes, to compare with; params.yaml
Prints  CER on dev of both, and what changes on test and unseen, greedily, on the same clips

Mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412) adds two clips and their targets. Here a
clip of another voice is added at random strength to half of the clips, and only the louder one is
the target: to follow one voice among others. Heads for texts normalise the states of each clip,
so to normalise them by voice before, or to mix their means and deviations, changes nothing.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.changes import HEADER, changes
from benchmarks.readings import errors
from voicegraft.embedding.store import Store
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.summary import CHOOSING, Evaluate
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.head import HeadChoice
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.predictor import Predictor
from voicegraft.training.schedule import head_part

MIXED = 0.5
"""Share of the clips to which another is added."""


class MixedStates(StoredStates):
    """States of a clip, to which those of another voice may be added, cut or repeated to fit."""

    def __init__(self, inputs: StoredStates, train: Sequence[Utterance], most: float):
        super().__init__(inputs.store, inputs.layer, inputs.masking)
        self.train, self.most = train, most

    def augmented(self, utterance: Utterance, masked: bool = True) -> Tensor:
        """See `Inputs`."""
        own = super().augmented(utterance, masked)
        drawn, share, place = torch.rand(3).tolist()
        other = self.train[int(place * len(self.train))]
        if drawn > MIXED or other.speaker == utterance.speaker:
            return own
        states = self(other)
        repeated = states.repeat(-(-len(own) // len(states)), 1)[: len(own)]
        return own + share * self.most * repeated


def trained(corpus: Corpus, inputs: StoredStates, most: float, upstream: Path) -> Trainer:
    """Return the head, trained on mixed states as train_head does on others."""
    choice, fit = load_params(HeadChoice, "head"), load_params(Fit, "train_head")
    train = corpus.of("train")
    model = graft(choice.layer, choice, inputs.store, train, upstream, fit.seed)
    mixed, parts = MixedStates(inputs, train, most), [head_part(model, fit.lr)]
    run = engine(settled(load_params(Compute, "compute"), model, mixed, parts))
    trainer = Trainer(run, model, mixed, parts, fit)
    with tempfile.TemporaryDirectory() as scratch:
        trainer.learn(corpus, Checkpoint(Path(scratch) / "run"))
    return trainer


def main(
    corpus: Path, embeddings: Path, upstream: Path, head: Path, most: float = 0.3, threads: int = 1
) -> None:
    torch.set_num_threads(threads)
    clips, fit = Corpus(corpus), load_params(Fit, "train_head")
    layer = load_params(HeadChoice, "head").layer
    inputs = StoredStates(Store(embeddings), layer, fit.masking)
    trainer = trained(clips, inputs, most, upstream)
    before: GraftedModel = load_model(head, "cpu")
    control = Predictor(trainer.fabric, before, inputs, fit.batch_seconds)
    dev, scored = clips.of(CHOOSING), clips.of(*SCORED)
    for name, own in (("before", control), ("mixed", trainer.predictor)):
        print(f"{name}: dev CER {100 * errors(dev, own.predict(dev))[0]:.2f}", flush=True)
    texts = control.predict(scored), trainer.predict(scored)
    params = load_params(Evaluate, "evaluate")
    print(HEADER + changes(f"mixed up to {most:g}", scored, *texts, params))


if __name__ == "__main__":
    run_stage(main)
