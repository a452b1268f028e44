"""Unfreeze the upstream, or a part of it, and continue training from the trained head.

Reads   RECIPE, a name under `finetune` in params.yaml; UPSTREAM, for its attention decoder; HEAD,
        the grafted model that train_head writes; CORPUS and EMBEDDINGS
Writes  MODEL, a grafted model; CURVES, loss and dev error rates by epoch (dvclive); TRAINING,
        the numbers of trained parameters, as JSON;
        SCRATCH keeps the last epoch until the run is done, so that a killed run can continue
Knobs   finetune.RECIPE, a difference from finetune.defaults: start, learns, unfrozen_blocks,
        attention_weight, rates, schedule, takes, masking; compute
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from pathlib import Path

import torch

from voicegraft.embedding.store import Store
from voicegraft.model import attention
from voicegraft.model.batches import join
from voicegraft.model.grafted import GraftedModel, load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import remember
from voicegraft.speech.manifest import Corpus
from voicegraft.speech.rows import open_corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.inputs import AudioFeatures, Inputs, StoredStates, learnable_side
from voicegraft.training.loop import Trainer
from voicegraft.training.ranks import is_first
from voicegraft.training.recipe import Recipe, add, load_recipe, named, parts_of
from voicegraft.training.records import share_of, size_of, write_share
from voicegraft.training.scratch import fingerprint, tidied

SHOWN = 32
"""How many clips of train the attention decoder is shown, to find the language."""


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


def attend(model: GraftedModel, inputs: Inputs, corpus: Corpus, upstream: Path) -> None:
    """Set the upstream's attention decoder beside the head, told the language of train.

    Raises:
        ValueError: if the upstream has none, or the model does not write texts.
    """
    described, last = model.description, len(model.upstream.blocks)
    if described.pooling or described.layer != last:
        raise ValueError(
            "params.yaml: attention_weight must be 0 unless the head writes texts from head.layer "
            f"{last}, the last, on which the upstream's text decoder was trained"
        )
    train = learnable_side(corpus, "train", inputs, model)
    encoded = join([inputs(clip) for clip in train[:: -(-len(train) // SHOWN)]])
    with torch.no_grad():
        states = model.head_input(encoded.values, encoded.lengths, inputs.start)
        model.attend(attention.pretrained(described.upstream, upstream, model.labels, states))


def main(
    recipe: str,
    upstream: Path,
    head: Path,
    corpus: Path,
    embeddings: Path,
    model: Path,
    curves: Path,
    training: Path,
    scratch: Path,
) -> None:
    params = load_recipe(recipe)
    compute = load_params(Compute, "compute")
    clips, grafted = open_corpus(corpus), load_model(head, "cpu")
    pretrained = size_of(grafted.upstream)
    inputs = inputs_of(params, grafted, clips, embeddings)
    if params.attention_weight:
        attend(grafted, inputs, clips, upstream)
    add(grafted, params)
    parts = parts_of(params, grafted)
    share = share_of(parts, pretrained)
    if is_first():
        print(share, file=sys.stderr)
    fabric = engine(settled(compute, grafted, inputs, parts))
    section_weight = {"section": named(recipe), "attention_weight": params.attention_weight}
    trainer = Trainer(fabric, grafted, inputs, parts, params, **section_weight)
    reads = {"stage": Path(__file__)} | trainer.named_by(compute)
    reads |= {"upstream": upstream, "head": head, "corpus": corpus, "embeddings": embeddings}
    with tidied(scratch):
        trainer.train(clips, Checkpoint(scratch / fingerprint(reads)), model, curves)
    if is_first():
        remember(model, head=head)
        write_share(training, share)


if __name__ == "__main__":
    run_stage(main)
