"""Train a head on the stored states of the frozen upstream: for texts, or for classes.

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as the previous stages write them
Writes  MODEL, a grafted model; CURVES, loss and dev error rates by epoch (dvclive);
        and for classes choice.csv, the layers and poolings that were tried, the chosen one first;
        SCRATCH keeps the last epoch until the run is done, so that a killed run can continue
Knobs   task; head: name, layer, and for classes pooling, normalise; train_head: rates, epochs,
        masking …, for heads that are trained step by step; compute: device, precision
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from pathlib import Path

from voicegraft.embedding.store import Store
from voicegraft.model.upstream import by_kind
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params, load_task
from voicegraft.pipeline.provenance import remember
from voicegraft.speech.rows import open_corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.head import (
    choice_of,
    fit_head,
    graft,
    head_trainer,
    is_fitted,
    settled_choice,
    write_trials,
)
from voicegraft.training.inputs import StoredStates
from voicegraft.training.ranks import is_first
from voicegraft.training.scratch import fingerprint, tidied


def main(
    upstream: Path,
    corpus: Path,
    embeddings: Path,
    model: Path,
    curves: Path,
    scratch: Path,
) -> None:
    asked = load_params(choice_of(load_task()), "head")
    fit = load_params(Fit, "train_head")
    compute = load_params(Compute, "compute")
    clips, store = open_corpus(corpus), Store(embeddings)
    choice, trials = settled_choice(asked, store, clips.of("train"))
    layer = choice.layer
    grafted = graft(layer, choice, store, clips.of("train"), upstream, fit.seed)
    if fit.private or not is_fitted(grafted):
        trainer = head_trainer(grafted, store, fit, compute)
        reads = {"head": choice, "stage": Path(__file__)} | trainer.named_by(compute)
        reads |= {"upstream": upstream, "corpus": corpus, "embeddings": embeddings}
        with tidied(scratch):
            trainer.train(clips, Checkpoint(scratch / fingerprint(reads)), model, curves)
    elif is_first():
        fit_head(grafted, StoredStates(store, layer, fit.masking), clips, model, curves)
    if not is_first():
        return
    if trials:
        print(f"head: {trials[0].view}", file=sys.stderr)
        write_trials(curves / "choice.csv", trials)
    remember(model, **by_kind(upstream), training=[asked, fit])


if __name__ == "__main__":
    run_stage(main)
