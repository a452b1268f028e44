"""Train a classifier of whole clips on the stored states of the frozen upstream.

Reads   UPSTREAM, CORPUS and EMBEDDINGS, as the stages before leave them
Writes  MODEL, a grafted model; CURVES, error and F1 on dev, by epoch if it is trained step by step
        (dvclive); SCRATCH keeps the last epoch until the run is done, so a killed run goes on
Knobs   head: name, layer, pooling, normalise; train_head: rates, epochs, masking … of what is
        trained step by step; compute: device, precision
"""

import sys
from pathlib import Path

from voicegraft.classifiers import ClassifierChoice
from voicegraft.command import run_stage
from voicegraft.embedding.store import Store
from voicegraft.grafted import save_model
from voicegraft.params import load_params
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint, fingerprint
from voicegraft.training.compute import Compute
from voicegraft.training.curves import write_curves
from voicegraft.training.fit import Fit
from voicegraft.training.fitting import fit_at_once, is_fitted, told
from voicegraft.training.grafting import head_trainer, heard_layer
from voicegraft.training.loop import Trainer


def fit(trainer: Trainer, corpus: Corpus, model: Path, curves: Path) -> None:
    """Find the weights from all of train at once, and write the model and its rates on dev."""
    said = fit_at_once(trainer.bare, trainer.inputs, trainer.side(corpus, "train"))
    dev = trainer.side(corpus, "dev")
    rates = trainer.bare.objective.rates(dev, told(trainer.bare, trainer.inputs, dev))
    found = ", ".join([*([said] if said else []), *(f"dev {k} {v:.4f}" for k, v in rates.items())])
    print(f"{trainer.bare.description.head}: {found}", file=sys.stderr)
    save_model(trainer.bare, model)
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
    trainer = head_trainer(layer, choice.name, store, train, upstream, knobs, compute, **how)
    if is_fitted(trainer.bare):
        fit(trainer, clips, model, curves)
        return
    run = fingerprint(
        {"head": choice.model_dump(), "fit": knobs.model_dump(), "compute": compute.model_dump()},
        [upstream, corpus, embeddings],
    )
    trainer.train(clips, Checkpoint(scratch / run), model, curves)


if __name__ == "__main__":
    run_stage(main)
