"""Say which layers are stored, and which of them the head hears, for all stages that follow.

Reads   PROBED, as probe_layers leaves it: with head.layer: auto its best layer is taken
Writes  LAYERS, JSON: `head` and `stored`
Knobs   head: layer; extract_embeddings: layers; finetune: with layers: auto, the layer below what
        each recipe with start: trunk unfreezes, listed or not, so that listing one stores nothing
"""

import sys
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt

from voicegraft.embedding.choice import ExtractEmbeddings, Heard, chosen, write_choice
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import Section, load_params
from voicegraft.pipeline.tables import read_records
from voicegraft.studies.probe import Probed, best_layer


class Unfrozen(Section):
    """Of a recipe, from where it goes on."""

    model_config = ConfigDict(extra="ignore")

    start: Literal["trunk", "audio"]
    unfrozen_blocks: PositiveInt
    frozen_above: NonNegativeInt


class Recipes(Section):
    """All recipes by name, whether or not `recipes` lists them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Unfrozen] = Field(init=False)

    recipes: list[str]


def main(probed: Path, layers: Path) -> None:
    layer = load_params(Heard, "head").layer
    stored = load_params(ExtractEmbeddings, "extract_embeddings").layers
    recipes = load_params(Recipes, "finetune").__pydantic_extra__.values()
    if layer == "auto":
        layer = best_layer(read_records(probed, Probed))
    unfrozen = [r.unfrozen_blocks + r.frozen_above for r in recipes if r.start == "trunk"]
    choice = chosen(layer, stored, unfrozen)
    write_choice(layers, choice)
    print(f"the head hears {choice.head}; stored are {choice.stored}", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
