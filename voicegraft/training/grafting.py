"""Put a new head on a pretrained upstream."""

from pathlib import Path

from voicegraft import upstream_folder, upstreams
from voicegraft.embedding.store import Store
from voicegraft.grafted import Description, GraftedModel
from voicegraft.heads import HeadChoice
from voicegraft.layers import Layer


def heard_layer(choice: HeadChoice, store: Store) -> Layer:
    """Return the layer, or the several, that the store was made for.

    Raises:
        ValueError: if the knob says another; what a control has is its own affair.
    """
    layers = store.facts["layer"]
    layer = layers if isinstance(layers, int) else tuple(layers)
    free = choice.layer == "auto" or upstreams.is_control(store.facts["upstream"])
    if not free and choice.layer != layer:
        raise ValueError(
            f"params.yaml: head.layer is {choice.layer}, but the embeddings are stored for "
            f"{layer}: run choose_layers and extract_embeddings first, as `dvc repro` does"
        )
    return layer


def graft(choice: HeadChoice, store: Store, labels: list[str], folder: Path) -> GraftedModel:
    """Return the upstream of `folder` under a new head, on the layer that the store is for."""
    return graft_on(heard_layer(choice, store), choice.name, store, labels, folder)


def graft_on(
    layer: Layer, head: str, store: Store, labels: list[str], folder: Path
) -> GraftedModel:
    """Return the upstream of `folder` under a new head of that name, on any stored layer."""
    facts = store.facts
    description = Description(
        upstream=facts["upstream"],
        upstream_config=facts["upstream_config"],
        margin_seconds=facts["margin_seconds"],
        head=head,
        layer=layer,
        labels=labels,
    )
    model = GraftedModel(description)
    model.upstream = upstream_folder.load(folder)
    return model
