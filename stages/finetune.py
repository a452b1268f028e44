"""Unfreeze the upstream, or a part of it, and continue training from the trained head.

Reads   RECIPE, a name under `finetune` in params.yaml; HEAD, the grafted model that train_head
        writes; CORPUS and EMBEDDINGS
Writes  MODEL, a grafted model; CURVES, loss and dev error rates by epoch (dvclive); TRAINING,
        the numbers of trained parameters, as JSON;
        SCRATCH keeps the last epoch until the run is done, so that a killed run can continue
Knobs   finetune.RECIPE, a difference from finetune.defaults: start, learns, unfrozen_blocks,
        rates, schedule, takes, masking; compute
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from pathlib import Path

from voicegraft.embedding.store import Store
from voicegraft.model.grafted import GraftedModel, load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import remember
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.inputs import AudioFeatures, Inputs, StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import Learns, Recipe, add, section
from voicegraft.training.records import share_of, size_of, write_share
from voicegraft.training.schedule import Part, head_part, upstream_parts
from voicegraft.training.scratch import fingerprint, tidied


def inputs_of(recipe: Recipe, model: GraftedModel, corpus: Corpus, embeddings: Path) -> Inputs:
    """Return stored states below the unfrozen blocks, or features of the audio.

    Raises:
        ValueError: if a knob does not fit the model or the store.
    """
    recipe.check(model.description.top)
    if model.description.normalise:
        raise ValueError(
            "params.yaml: head.normalise: speaker needs all clips of a speaker at once, which "
            "fine-tuning by batches does not have; set it to none, or finetune.recipes to []"
        )
    if recipe.start == "audio":
        return AudioFeatures(corpus, model, recipe.masking, recipe.speeds, recipe.augment)
    for knob in ("speeds", "augment"):
        if given := recipe.model_dump(exclude_defaults=True)[knob]:
            raise ValueError(
                f"params.yaml: {knob} must be [] if start is trunk, not {given}: the trunk was "
                "stored with those of extract_embeddings"
            )
    return StoredStates(Store(embeddings), recipe.trunk(model.description.layer), recipe.masking)


def parts_of(recipe: Recipe, model: GraftedModel) -> list[Part]:
    """Return the head and the unfrozen blocks, each with its learning rate and first epoch."""
    blocks = upstream_parts(
        model,
        recipe.unfrozen_blocks,
        recipe.upstream_lr,
        recipe.layer_decay,
        recipe.head_epochs,
        recipe.epochs_per_block,
        recipe.frozen_above,
        recipe.way.learning,
        stem=recipe.start == "audio",
    )
    return [head_part(model, recipe.lr), *blocks]


def main(
    recipe: str,
    head: Path,
    corpus: Path,
    embeddings: Path,
    model: Path,
    curves: Path,
    training: Path,
    scratch: Path,
) -> None:
    name, defaults = f"finetune.{recipe}", "finetune.defaults"
    way = load_params(Learns, name, defaults=defaults).learns
    params = load_params(section(way), name, defaults=defaults)
    compute = load_params(Compute, "compute")
    clips, grafted = Corpus(corpus), load_model(head, "cpu")
    pretrained = size_of(grafted.upstream)
    inputs = inputs_of(params, grafted, clips, embeddings)
    add(grafted, params)
    parts = parts_of(params, grafted)
    share = share_of(parts, pretrained)
    print(share, file=sys.stderr)
    fabric = engine(settled(compute, grafted, inputs, parts))
    trainer = Trainer(fabric, grafted, inputs, parts, params, section=f"finetune.{recipe}")
    reads = {"recipe": params, "compute": compute, "stage": Path(__file__)}
    reads |= {"head": head, "corpus": corpus, "embeddings": embeddings}
    with tidied(scratch):
        trainer.train(clips, Checkpoint(scratch / fingerprint(reads)), model, curves)
    if fabric.is_global_zero:
        remember(model, head=head)
        write_share(training, share)


if __name__ == "__main__":
    run_stage(main)
