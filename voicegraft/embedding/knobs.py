"""The knobs of extract_embeddings, and the stored layers that a head uses."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, NonNegativeFloat, PositiveFloat, model_validator

from voicegraft.embedding.quantisation import HALF, FormatName
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import Speed
from voicegraft.model import upstream as upstreams
from voicegraft.model.layers import Layer, numbers, one_or_several
from voicegraft.pipeline.params import Section
from voicegraft.speech.degradation import Degradation


def _layers(value: Any) -> Any:
    layers = value if isinstance(value, list) else []
    if not layers or any(type(layer) is not int or layer < 0 for layer in layers):
        raise ValueError("must be a list of layers, 0 and up")
    return sorted(set(layers))


def _count_or_all(value: Any) -> Any:
    if value != "all" and (type(value) is not int or value < 1):
        raise ValueError("must be a number, 1 and up, or all")
    return value


class ExtractEmbeddings(Section):
    """Layers and components to store, their format, silence, takes, caches, the engine."""

    layers: Annotated[list[int], BeforeValidator(_layers)]
    margin_seconds: NonNegativeFloat
    speeds: list[Speed]
    augment: list[Degradation]
    components: Annotated[int | Literal["all"], BeforeValidator(_count_or_all)]
    states: FormatName
    precision: Literal["auto", "float32", "bfloat16"]
    batch_seconds: PositiveFloat
    cache_gigabytes: NonNegativeFloat
    shared_cache: str
    engine: Literal["local", "ray"]

    @model_validator(mode="after")
    def _is_reduced_once(self) -> Self:
        if self.components != "all" and self.states != HALF:
            raise ValueError(f"states must be {HALF} where components is not all: one saves disk")
        return self

    @model_validator(mode="after")
    def _has_room_for_what_is_fetched(self) -> Self:
        if self.shared_cache and not self.cache_gigabytes:
            raise ValueError(
                "shared_cache needs cache_gigabytes above 0: what is fetched lies there"
            )
        return self


def layers_of(blocks: int, wanted: Sequence[int], control: bool) -> list[int]:
    """Return the layers to store, for an upstream with `blocks` blocks.

    For a control with fewer blocks, its highest layer replaces all higher ones.

    Raises:
        ValueError: if an upstream lacks one of the layers.
    """
    if control:
        return sorted({min(layer, blocks) for layer in wanted})
    if wrong := [layer for layer in wanted if layer > blocks]:
        raise ValueError(
            f"params.yaml: extract_embeddings.layers: the upstream has 0 to {blocks}, not {wrong}"
        )
    return list(wanted)


def head_layer(wanted: Layer, store: Store) -> Layer:
    """Return the stored layer, or layers, that the head uses.

    For a control with fewer blocks, its highest layer replaces all higher ones.

    Raises:
        ValueError: if one is not stored.
    """
    stored, layers = store.facts["layers"], list(numbers(wanted))
    if upstreams.is_control(store.facts["upstream"]):
        layers = sorted({min(layer, max(stored)) for layer in layers})
    if missing := [layer for layer in layers if layer not in stored]:
        raise ValueError(
            f"params.yaml: head.layer is {wanted}, but extract_embeddings.layers stores "
            f"{stored}: add {missing} there"
        )
    return one_or_several(layers)
