"""Put a new head on a pretrained upstream, and make ready to train it on what is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from voicegraft import ctc, upstream_folder, upstreams
from voicegraft.embedding.store import Store
from voicegraft.grafted import Description, GraftedModel
from voicegraft.layers import Layer
from voicegraft.speech.manifest import Utterance
from voicegraft.training.compute import Compute, engine, seeded
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import head_part


def heard_layer(wanted: Layer | Literal["auto"], store: Store) -> Layer:
    """Return the layer, or the several, that the store was made for.

    Raises:
        ValueError: if the knob says another; what a control has is its own affair.
    """
    free = wanted == "auto" or upstreams.is_control(store.facts["upstream"])
    if not free and wanted != store.layer:
        raise ValueError(
            f"params.yaml: head.layer is {wanted}, but the embeddings are stored for "
            f"{store.layer}: run choose_layers and extract_embeddings first, as `dvc repro` does"
        )
    return store.layer


def graft(
    layer: Layer,
    head: str,
    store: Store,
    labels: list[str],
    folder: Path,
    pooling: str | None = None,
    normalise: str | None = None,
) -> GraftedModel:
    """Return the upstream of `folder` under a new head of that name, on any stored layer.

    With a `pooling`, and perhaps `normalise`, as of `Description`, the head is a classifier.
    """
    facts = store.facts
    description = Description(
        upstream=facts["upstream"],
        upstream_config=facts["upstream_config"],
        margin_seconds=facts["margin_seconds"],
        head=head,
        layer=layer,
        labels=labels,
        pooling=pooling,
        normalise=normalise,
    )
    model = GraftedModel(description)
    model.upstream = upstream_folder.load(folder)
    return model


def head_trainer(
    layer: Layer,
    head: str,
    store: Store,
    train: Sequence[Utterance],
    upstream: Path,
    fit: Fit,
    compute: Compute,
    quiet: bool = False,
    pooling: str | None = None,
    normalise: str | None = None,
) -> Trainer:
    """Return what trains a new head, see `graft`, on stored states; its labels are of `train`."""
    classes, symbols = sorted({u.label for u in train}), ctc.labels_of(u.text for u in train)
    with seeded(fit.seed):
        labels = classes if pooling else symbols
        model = graft(layer, head, store, labels, upstream, pooling, normalise)
    inputs = StoredStates(store, layer, fit.masking)
    return Trainer(engine(compute), model, inputs, [head_part(model, fit.lr)], fit, quiet)
