"""Put a new head on a pretrained upstream."""

from pathlib import Path

from voicegraft import upstream_folder, upstreams
from voicegraft.embedding.store import Store
from voicegraft.grafted import Description, GraftedModel
from voicegraft.layers import Layer, one_or_several
from voicegraft.params import Section


class HeadChoice(Section):
    """Which head, on which layer or layers."""

    name: str
    layer: Layer


def heard_layer(choice: HeadChoice, store: Store) -> Layer:
    """Return the layer of the knob; of a control, what was stored."""
    if upstreams.is_control(store.facts["upstream"]):
        return one_or_several(store.facts["layers"])
    return choice.layer


def graft(choice: HeadChoice, store: Store, labels: list[str], folder: Path) -> GraftedModel:
    """Return the upstream of `folder` under a new head."""
    facts = store.facts
    description = Description(
        upstream=facts["upstream"],
        upstream_config=facts["upstream_config"],
        margin_seconds=facts["margin_seconds"],
        head=choice.name,
        layer=heard_layer(choice, store),
        labels=labels,
    )
    model = GraftedModel(description)
    model.upstream = upstream_folder.load(folder)
    return model
