"""Which layers are stored of each clip, and which of them the head hears."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, NonNegativeFloat, PositiveFloat

from voicegraft.embedding.takes import Speed
from voicegraft.model.layers import Layer, LayerKnob, numbers, one_or_several, trunk_below
from voicegraft.pipeline.files import whole
from voicegraft.pipeline.params import Section
from voicegraft.speech.degradation import Degradation


def _layers_or_auto(value: Any) -> Any:
    layers = [] if value == "auto" else value
    if not isinstance(layers, list) or any(type(k) is not int or k < 0 for k in layers):
        raise ValueError("must be a list of layers, 0 and up, or auto")
    return value


def _count_or_all(value: Any) -> Any:
    if value != "all" and (type(value) is not int or value < 1):
        raise ValueError("must be a number, 1 and up, or all")
    return value


class ExtractEmbeddings(Section):
    """Which layers and how much of them, silence behind a clip, at which speeds, how degraded."""

    layers: Annotated[list[int] | Literal["auto"], BeforeValidator(_layers_or_auto)]
    margin_seconds: NonNegativeFloat
    speeds: list[Speed]
    augment: list[Degradation]
    components: Annotated[int | Literal["all"], BeforeValidator(_count_or_all)]
    precision: Literal["auto", "float32", "bfloat16"]
    batch_seconds: PositiveFloat
    cache_gigabytes: NonNegativeFloat


class Heard(Section):
    """Of the section `head`, what matters before there is one."""

    model_config = ConfigDict(extra="ignore")

    layer: LayerKnob


class LayerChoice(Section):
    """data/layers.json."""

    head: Layer
    stored: list[int]
    """Increasing; all that the head hears are among them."""

    def within(self, blocks: int) -> "LayerChoice":
        """Return the choice as it is, for an upstream of so many blocks.

        Raises:
            ValueError: if the upstream lacks one of the layers.
        """
        if wrong := [layer for layer in self.stored if not 0 <= layer <= blocks]:
            raise ValueError(
                f"params.yaml: head.layer and extract_embeddings.layers: the upstream has 0 to "
                f"{blocks}, not {wrong}"
            )
        return self

    def of_control(self, blocks: int) -> "LayerChoice":
        """Return what the head hears of a control, and nothing else: no recipe goes on from it.

        Of one that has fewer blocks, the highest layer stands for all above it.
        """
        heard = sorted({min(layer, blocks) for layer in numbers(self.head)})
        return LayerChoice(head=one_or_several(heard), stored=heard)


def chosen(
    layer: Layer, stored: Literal["auto"] | list[int], unfrozen: Iterable[int]
) -> LayerChoice:
    """Return the choice: what the head hears is always stored.

    Args:
        layer: what the head hears.
        stored: the other layers; `auto` takes those below what is `unfrozen`.
        unfrozen: blocks, of each recipe that starts from the trunk; those that are more than the
            head has below it are let be, for the recipe to refuse.
    """
    trunks = [trunk_below(layer, blocks) for blocks in unfrozen]
    others = [trunk for trunk in trunks if trunk >= 0] if stored == "auto" else stored
    return LayerChoice(head=layer, stored=sorted({*numbers(layer), *others}))


def write_choice(path: Path, choice: LayerChoice) -> None:
    """Write `choice` as JSON."""
    with whole(path) as partial:
        partial.write_text(choice.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_choice(path: Path) -> LayerChoice:
    """Return what was written."""
    return LayerChoice.model_validate_json(path.read_bytes())
