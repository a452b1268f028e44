"""Put a new head on a pretrained upstream, and make ready to train it on what is stored."""

from collections.abc import Iterable
from pathlib import Path

from voicegraft import ctc, upstream_folder, upstreams
from voicegraft.embedding.store import Store
from voicegraft.grafted import Description, GraftedModel
from voicegraft.heads import HeadChoice
from voicegraft.layers import Layer
from voicegraft.speech.manifest import Utterance
from voicegraft.training.compute import Compute, engine, seeded
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import head_part


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


def graft(layer: Layer, head: str, store: Store, labels: list[str], folder: Path) -> GraftedModel:
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


def head_trainer(
    layer: Layer,
    head: str,
    store: Store,
    train: Iterable[Utterance],
    upstream: Path,
    fit: Fit,
    compute: Compute,
    quiet: bool = False,
) -> Trainer:
    """Return what trains a new head on stored states; its labels are those of `train`."""
    with seeded(fit.seed):
        model = graft(layer, head, store, ctc.labels_of(u.text for u in train), upstream)
    inputs = StoredStates(store, layer, fit.masking)
    return Trainer(engine(compute), model, inputs, [head_part(model, fit.lr)], fit, quiet)
