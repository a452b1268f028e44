"""Unfreeze the upstream, or a part of it, and continue training from the trained head.

Reads   RECIPE, a name under `finetune` in params.yaml; UPSTREAM, for its attention decoder; HEAD,
        the grafted model that train_head writes; CORPUS and EMBEDDINGS
Writes  MODEL, a grafted model, the mean of several if soup is above 1; CURVES, loss and dev error
        rates by epoch (dvclive), of the best of them; TRAINING, the numbers of trained parameters
        and dev errors of a soup, as JSON;
        SCRATCH keeps the last epoch until the run is done, so that a killed run can continue, and
        the trainings of a soup, so that a soup of one more trains only that one
Knobs   finetune.RECIPE, a difference from finetune.defaults: start, learns, unfrozen_blocks,
        attention_weight, rates, schedule, soup, takes, masking; compute
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from voicegraft.embedding.store import Store
from voicegraft.model import attention
from voicegraft.model.batches import join
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.provenance import remember
from voicegraft.speech.manifest import Corpus
from voicegraft.speech.rows import open_corpus
from voicegraft.training.compute import Compute, engine, settled
from voicegraft.training.inputs import AudioFeatures, Inputs, StoredStates, learnable_side
from voicegraft.training.loop import Trainer
from voicegraft.training.ranks import is_first
from voicegraft.training.recipe import Recipe, add, load_recipe, named, parts_of
from voicegraft.training.records import share_of, size_of, write_curves, write_share
from voicegraft.training.schedule import Part
from voicegraft.training.scratch import fingerprint, tidied
from voicegraft.training.soup import train_soup

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


@dataclass(frozen=True)
class Unfrozen:
    """A head on its upstream, what it is fed, and what of it may learn."""

    model: GraftedModel
    inputs: Inputs
    parts: list[Part]
    pretrained: int
    """How many parameters the upstream has, without what is added to it."""


def unfrozen(
    params: Recipe, upstream: Path, head: Path, corpus: Corpus, embeddings: Path
) -> Unfrozen:
    """Return the trained head, unfrozen by the recipe."""
    grafted = load_model(head, "cpu")
    pretrained = size_of(grafted.upstream)
    inputs = inputs_of(params, grafted, corpus, embeddings)
    if params.attention_weight:
        attend(grafted, inputs, corpus, upstream)
    add(grafted, params)
    return Unfrozen(grafted, inputs, parts_of(params, grafted), pretrained)


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
    trainings = load_recipe(recipe).trainings(named(recipe))
    compute = load_params(Compute, "compute")
    clips = open_corpus(corpus)
    first = unfrozen(trainings[0], upstream, head, clips, embeddings)
    share = share_of(first.parts, first.pretrained)
    if is_first():
        print(share, file=sys.stderr)
    fabric, made = engine(settled(compute, first.model, first.inputs, first.parts)), {0: first}
    kept: set[str] = set()

    def trainer(number: int) -> Trainer:
        """Return what trains in the way of that number, from the head."""
        params = trainings[number]
        own = made.pop(number, None) or unfrozen(params, upstream, head, clips, embeddings)
        fixed = {"section": named(recipe), "attention_weight": params.attention_weight}
        return Trainer(fabric, own.model, own.inputs, own.parts, params, **fixed)

    def folder(trainer: Trainer) -> Path:
        reads = {"stage": Path(__file__)} | trainer.named_by(compute)
        reads |= {"upstream": upstream, "head": head, "corpus": corpus, "embeddings": embeddings}
        kept.add(name := fingerprint(reads))
        return scratch / name

    with tidied(scratch) as used:
        trained, soup = train_soup(trainer, folder, len(trainings), clips)
        trained.write(model)
        used |= kept if len(trainings) > 1 else set()
    if is_first():
        remember(model, head=head)
        write_curves(soup.history, curves)
        write_share(training, share, soup.errors)
        if len(trainings) > 1:
            print(soup, file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
