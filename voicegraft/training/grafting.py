"""Put a new head on a pretrained upstream, and make ready to train it on what is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from voicegraft.embedding.store import Store
from voicegraft.model import ctc, upstream_folder
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.layers import Layer
from voicegraft.speech.manifest import Utterance
from voicegraft.training.compute import Compute, engine, seeded
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.mixed import settled
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
    train: Sequence[Utterance],
    upstream: Path,
    seed: int,
    pooling: str | None = None,
    normalise: str | None = None,
) -> GraftedModel:
    """Return the upstream of that folder under a new head of that name, on any stored layer.

    Its labels are of `train`. With a `pooling`, and perhaps `normalise`, as of `Description`, the
    head is a classifier.
    """
    facts = store.facts
    classes, symbols = sorted({u.label for u in train}), ctc.labels_of(u.text for u in train)
    description = Description(
        upstream=facts["upstream"],
        upstream_config=facts["upstream_config"],
        margin_seconds=facts["margin_seconds"],
        head=head,
        layer=layer,
        labels=classes if pooling else symbols,
        pooling=pooling,
        normalise=normalise,
    )
    with seeded(seed):
        model = GraftedModel(description)
        model.upstream = upstream_folder.load(upstream)
    return model


def head_trainer(
    model: GraftedModel, store: Store, fit: Fit, compute: Compute, quiet: bool = False
) -> Trainer:
    """Return what trains the head of `model`, and nothing else of it, on stored states."""
    inputs = StoredStates(store, model.description.layer, fit.masking)
    parts = [head_part(model, fit.lr)]
    return Trainer(engine(settled(compute, model, inputs, parts)), model, inputs, parts, fit, quiet)
