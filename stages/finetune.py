"""Unfreeze the top of the upstream, or all of it, and go on training from the trained head.

Reads   RECIPE, a name under `finetune` in params.yaml; HEAD, the grafted model that train_head
        leaves; CORPUS and EMBEDDINGS
Writes  MODEL, a grafted model; CURVES, loss and dev error rates by epoch (dvclive);
        SCRATCH keeps the last epoch until the run is done, so a killed run goes on
Knobs   finetune.RECIPE: start, unfrozen_blocks, rates, schedule, masking; compute
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from voicegraft.command import run_stage
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import Speed
from voicegraft.grafted import GraftedModel, load_model
from voicegraft.layers import trunk_below
from voicegraft.params import load_params
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint, fingerprint
from voicegraft.training.compute import Compute, engine
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import AudioFeatures, Inputs, StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import Part, head_part, upstream_parts


class Recipe(Fit):
    """What is unfrozen, when, and from where it runs."""

    start: Literal["trunk", "audio"]
    unfrozen_blocks: PositiveInt
    upstream_lr: PositiveFloat
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    head_epochs: NonNegativeInt
    epochs_per_block: NonNegativeInt
    speeds: list[Speed]


def inputs_of(recipe: Recipe, model: GraftedModel, corpus: Corpus, embeddings: Path) -> Inputs:
    """Return the states below what is unfrozen, or features of the audio.

    Raises:
        ValueError: if more is unfrozen than there is.
    """
    description = model.description
    if recipe.unfrozen_blocks > description.top:
        raise ValueError(
            f"params.yaml: unfrozen_blocks must be 1 to {description.top}, as the head listens to "
            f"layer {description.top}, not {recipe.unfrozen_blocks}"
        )
    if recipe.start == "trunk" and recipe.speeds:
        raise ValueError(
            f"params.yaml: speeds must be [] where start is trunk, not {recipe.speeds}: the trunk "
            "was stored at those of extract_embeddings"
        )
    if recipe.start == "audio":
        return AudioFeatures(corpus, model, recipe.masking, recipe.speeds)
    trunk = trunk_below(description.layer, recipe.unfrozen_blocks)
    return StoredStates(Store(embeddings), trunk, recipe.masking)


def parts_of(recipe: Recipe, model: GraftedModel) -> list[Part]:
    """Return the head and the blocks that learn, each with its rate and first epoch."""
    blocks = upstream_parts(
        model,
        recipe.unfrozen_blocks,
        recipe.upstream_lr,
        recipe.layer_decay,
        recipe.head_epochs,
        recipe.epochs_per_block,
    )
    return [head_part(model, recipe.lr), *blocks]


def main(
    recipe: str,
    head: Path,
    corpus: Path,
    embeddings: Path,
    model: Path,
    curves: Path,
    scratch: Path,
) -> None:
    params = load_params(Recipe, f"finetune.{recipe}")
    compute = load_params(Compute, "compute")
    clips, grafted = Corpus(corpus), load_model(head, "cpu")
    inputs, parts = inputs_of(params, grafted, clips, embeddings), parts_of(params, grafted)
    trainer = Trainer(engine(compute), grafted, inputs, parts, params)
    run = fingerprint(
        {"recipe": params.model_dump(), "compute": compute.model_dump()}, [head, corpus, embeddings]
    )
    trainer.train(clips, Checkpoint(scratch / run), model, curves)


if __name__ == "__main__":
    run_stage(main)
