"""A recipe: what is unfrozen under a trained head, in what way, when, and from where it runs."""

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    create_model,
)

from voicegraft.embedding.takes import Speed
from voicegraft.model import unfreezing
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.layers import Layer, trunk_below
from voicegraft.model.unfreezing import Added, Unfreezing
from voicegraft.pipeline.params import Section, load_params, merged
from voicegraft.speech.degradation import Degradation
from voicegraft.training.compute import seeded
from voicegraft.training.fit import Fit
from voicegraft.training.schedule import Part, attention_part, head_part, upstream_parts

DEFAULTS = "finetune.defaults"


class Learns(Section):
    """The knob that determines which others there are."""

    model_config = ConfigDict(extra="ignore")

    learns: str


class Recipe(Fit):
    """The knobs of every recipe; those of its way stand beside them."""

    start: Literal["trunk", "audio"]
    learns: str
    unfrozen_blocks: NonNegativeInt
    frozen_above: NonNegativeInt
    upstream_lr: PositiveFloat
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    attention_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the attention decoder in the loss; CTC has the rest."""
    head_epochs: NonNegativeInt
    epochs_per_block: NonNegativeInt
    speeds: list[Speed]
    augment: list[Degradation]
    soup: PositiveInt | Annotated[list[dict[str, Any]], Field(min_length=1)]
    """How many seeds to train with, or changes of the recipe: weights are averaged, see `soup`."""
    private: None = None
    """The guarantee is a head's alone: clips go through blocks together."""

    @property
    def way(self) -> Unfreezing:
        """The way in which it unfreezes, with its knobs."""
        way = unfreezing.way(self.learns)
        return way(**self.model_dump(include=set(way.model_fields)))

    def trainings(self, section: str) -> list["Recipe"]:
        """Return what is averaged: the recipe by several seeds, or changed in several ways.

        Raises:
            ValueError: naming the change that is none of this recipe.
        """
        changes = [{}] * self.soup if isinstance(self.soup, int) else self.soup
        own, found = self.model_dump() | {"soup": 1}, []
        for number, change in enumerate(changes):
            if change.get("learns", self.learns) != self.learns or "soup" in change:
                raise ValueError(f"params.yaml: {section}.soup: {change} changes learns or soup")
            given = merged(own | {"seed": self.seed + number}, change)
            try:
                found.append(type(self).model_validate(given))
            except ValidationError as error:
                raise ValueError(f"params.yaml: {section}.soup: {change}: {error}") from None
        return found

    def check(self, layer: int) -> None:
        """Raise ValueError if there are not so many blocks under a head on `layer`."""
        least, most = int(not self.attention_weight), layer - self.frozen_above
        if not least <= self.unfrozen_blocks <= most:
            raise ValueError(
                f"params.yaml: unfrozen_blocks must be {least} to {most}, as the head listens to "
                f"layer {layer} and frozen_above is {self.frozen_above}, not {self.unfrozen_blocks}"
            )

    def lowest(self, layer: int) -> int:
        """Return the layer below the lowest block that learns, under a head on `layer`."""
        return layer - self.frozen_above - self.unfrozen_blocks

    def trunk(self, layer: Layer) -> int:
        """Return the layer from whose stored states the recipe starts, under a head on `layer`."""
        return trunk_below(layer, self.unfrozen_blocks + self.frozen_above)


def section(learns: str) -> type[Recipe]:
    """Return the knobs of a recipe that unfreezes in the way of that name."""
    return create_model("Recipe", __base__=(Recipe, unfreezing.way(learns)))


def add(model: GraftedModel, recipe: Recipe) -> None:
    """Add what the recipe's way adds, if anything, to what it unfreezes."""
    way, layer, upstream = recipe.way, model.description.top, model.upstream
    if not way.adds:
        return
    blocks = range(recipe.lowest(layer) + 1, layer - recipe.frozen_above + 1)
    added = Added(way=recipe.learns, knobs=way.model_dump(), blocks=list(blocks))
    with seeded(recipe.seed):
        unfreezing.add(upstream.blocks, upstream.size, added)
        if recipe.attention_weight:
            every = range(1, len(model.attention.blocks) + 1)
            model.attention.add(added.model_copy(update={"blocks": list(every)}))
            model.attend(model.attention)
    if blocks:
        model.description = model.description.model_copy(update={"added": added})


def named(recipe: str) -> str:
    """Return the section of params.yaml that a recipe has."""
    return f"finetune.{recipe}"


def load_recipe(recipe: str) -> Recipe:
    """Return the knobs of a recipe; those that it does not set are those of `finetune.defaults`.

    Raises:
        ParamsError: naming the key, the value and the choices.
    """
    way = load_params(Learns, named(recipe), defaults=DEFAULTS).learns
    return load_params(section(way), named(recipe), defaults=DEFAULTS)


def parts_of(recipe: Recipe, model: GraftedModel) -> list[Part]:
    """Return head, unfrozen blocks and attention decoder, with learning rates and first epochs."""
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
    if not recipe.attention_weight:
        return [head_part(model, recipe.lr), *blocks]
    # By the attention decoder alone the head would learn nothing.
    head = [head_part(model, recipe.lr)] if recipe.attention_weight < 1 else []
    return [*head, *blocks, attention_part(model, recipe.upstream_lr, recipe.way.learning)]
