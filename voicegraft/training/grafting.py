"""Put a new head on a pretrained upstream, and make ready to train it on what is stored."""

from collections.abc import Sequence
from pathlib import Path

from voicegraft.embedding.store import Store
from voicegraft.model import upstream as upstreams
from voicegraft.model.classifier import ClassifierChoice
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.head import HeadChoice
from voicegraft.model.layers import Layer
from voicegraft.pipeline.params import CLASSIFICATION
from voicegraft.speech.manifest import Utterance
from voicegraft.training.compute import Compute, engine, seeded
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.mixed import settled
from voicegraft.training.schedule import head_part


def choice_of(task: str) -> type[HeadChoice] | type[ClassifierChoice]:
    """Return the knobs of the section `head`: for texts, or for classes."""
    return ClassifierChoice if task == CLASSIFICATION else HeadChoice


def graft(
    layer: Layer,
    choice: HeadChoice | ClassifierChoice,
    store: Store,
    train: Sequence[Utterance],
    upstream: Path,
    seed: int,
) -> GraftedModel:
    """Return the upstream of that folder under a new head, on any stored layer.

    Its labels are of `train`.
    """
    facts = store.facts
    description = Description(
        upstream=facts["upstream"],
        upstream_config=facts["upstream_config"],
        margin_seconds=facts["margin_seconds"],
        layer=layer,
        **choice.described(train),
    )
    with seeded(seed):
        model = GraftedModel(description)
        model.upstream = upstreams.load(upstream)
    return model


def head_trainer(
    model: GraftedModel, store: Store, fit: Fit, compute: Compute, quiet: bool = False
) -> Trainer:
    """Return what trains the head of `model`, and nothing else of it, on stored states."""
    inputs = StoredStates(store, model.description.layer, fit.masking)
    parts = [head_part(model, fit.lr)]
    return Trainer(engine(settled(compute, model, inputs, parts)), model, inputs, parts, fit, quiet)
