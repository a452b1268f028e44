"""Train a classifier of whole clips on the stored states of the frozen upstream.

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as the stages before leave them
Writes  MODEL, a grafted model; CURVES, error and F1 on dev, by epoch if it is trained step by step
        (dvclive); SCRATCH keeps the last epoch until the run is done, so a killed run goes on
Knobs   head: name, layer, pooling, normalise; train_head: rates, epochs, masking … of what is
        trained step by step; compute: device, precision
"""

import sys
from pathlib import Path

from voicegraft.embedding.store import Store
from voicegraft.model.classifier import ClassifierChoice
from voicegraft.model.grafted import GraftedModel, save_model
from voicegraft.model.upstream_folder import by_kind
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import remember
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fingerprint import fingerprint
from voicegraft.training.fit import Fit
from voicegraft.training.fitting import fit_at_once, is_fitted, told
from voicegraft.training.grafting import graft, head_trainer, heard_layer
from voicegraft.training.inputs import StoredStates, learnable_side
from voicegraft.training.records import write_curves
from voicegraft.training.scratch import tidied


def fit(
    grafted: GraftedModel, inputs: StoredStates, corpus: Corpus, model: Path, curves: Path
) -> None:
    """Find the weights from all of train at once, and write the model and its rates on dev."""
    train, dev = (learnable_side(corpus, side, inputs, grafted) for side in ("train", "dev"))
    said = fit_at_once(grafted, inputs, train)
    rates = grafted.objective.rates(dev, told(grafted, inputs, dev))
    found = ", ".join([*([said] if said else []), *(f"dev {k} {v:.4f}" for k, v in rates.items())])
    print(f"{grafted.description.head}: {found}", file=sys.stderr)
    save_model(grafted, model)
    write_curves([{"step": 0} | {f"dev/{name}": rate for name, rate in rates.items()}], curves)


def main(
    upstream: Path, corpus: Path, embeddings: Path, model: Path, curves: Path, scratch: Path
) -> None:
    choice = load_params(ClassifierChoice, "head")
    knobs = load_params(Fit, "train_head")
    compute = load_params(Compute, "compute")
    clips, store = Corpus(corpus), Store(embeddings)
    layer, train = heard_layer(choice.layer, store), clips.of("train")
    how = {"pooling": choice.pooling, "normalise": choice.normalised_by}
    grafted = graft(layer, choice.name, store, train, upstream, knobs.seed, **how)
    if is_fitted(grafted):
        fit(grafted, StoredStates(store, layer, knobs.masking), clips, model, curves)
    else:
        reads = {"head": choice, "fit": knobs, "compute": compute, "stage": Path(__file__)}
        reads |= {"upstream": upstream, "corpus": corpus, "embeddings": embeddings}
        trainer = head_trainer(grafted, store, knobs, compute)
        with tidied(scratch):
            trainer.train(clips, Checkpoint(scratch / fingerprint(reads)), model, curves)
    remember(model, **by_kind(upstream), training=[choice, knobs])


if __name__ == "__main__":
    run_stage(main)
