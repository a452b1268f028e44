"""A new head on a pretrained upstream: trained by steps on what is stored, or fitted at once.

Fitted at once are classifiers whose weights are found from all of train, without steps.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from voicegraft.embedding.choice import MOST_CLIPS, Trial, choose, groups_of, voices_in, wide
from voicegraft.embedding.knobs import head_layer
from voicegraft.embedding.store import Store
from voicegraft.model import upstream as upstreams
from voicegraft.model.classifier import ClassifierChoice, Fitted
from voicegraft.model.discriminants import drawn
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.head import HeadChoice
from voicegraft.model.layers import AUTO, Layer
from voicegraft.model.pooling import pool_clips
from voicegraft.model.saved import save_model
from voicegraft.model.speakers import without_voices
from voicegraft.pipeline.params import CLASSIFICATION
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.training.compute import Compute, engine, seeded, settled
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import StoredStates, learnable_side
from voicegraft.training.loop import Trainer
from voicegraft.training.private import PrivateTrainer
from voicegraft.training.records import write_curves
from voicegraft.training.schedule import head_part


def choice_of(task: str) -> type[HeadChoice] | type[ClassifierChoice]:
    """Return the knobs of the section `head`: for texts, or for classes."""
    return ClassifierChoice if task == CLASSIFICATION else HeadChoice


def settled_choice(
    choice: HeadChoice | ClassifierChoice, store: Store, train: Sequence[Utterance]
) -> tuple[HeadChoice | ClassifierChoice, list[Trial]]:
    """Return the choice with stored layers, and none of its knobs auto; and what was tried for it.

    For a control with fewer blocks, its highest layer replaces all higher ones.
    """
    if not isinstance(choice, ClassifierChoice):
        return choice.model_copy(update={"layer": head_layer(choice.layer, store)}), []
    labels = [clip.label for clip in train]
    clips = [train[i] for i in drawn(np.unique(labels, return_inverse=True)[1], MOST_CLIPS)]
    features, views = wide(store, [clip.id for clip in clips], choice.layer, choice.pooling)
    labels, speakers = [clip.label for clip in clips], [clip.speaker for clip in clips]
    if choice.normalised_by:
        features = without_voices(features.astype(np.float64), speakers)
    groups = groups_of(labels, speakers, [clip.text or clip.id for clip in clips])
    targets = np.unique(labels, return_inverse=True)[1]
    trials = choose(features, views, targets, groups, voices_in(speakers))
    best = trials[0].view
    pooling = best.pooling if choice.pooling == AUTO else choice.pooling
    return choice.model_copy(update={"layer": best.layer, "pooling": pooling}), trials


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Write a line for each layer and pooling that was tried, the chosen one first."""
    header = ["view", "log_loss", "accuracy", "accuracy_low", "accuracy_high"]
    rows = [
        [str(t.view), *(f"{v:.4f}" for v in (t.log_loss, t.accuracy, t.low, t.high))]
        for t in trials
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, header, rows)


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
    """Return what trains the head of `model`, and nothing else of it, on stored states.

    Raises:
        ValueError: if a classifier should be private: of its clips some are normalised together.
    """
    inputs = StoredStates(store, model.description.layer, fit.masking)
    parts = [head_part(model, fit.lr)]
    if fit.private and model.description.pooling:
        raise ValueError("train_head.private: heads for texts can be private, classifiers cannot")
    trainer = PrivateTrainer if fit.private else Trainer
    return trainer(engine(settled(compute, model, inputs, parts)), model, inputs, parts, fit, quiet)


def is_fitted(model: GraftedModel) -> bool:
    """Return whether the model's classifier is found in one go, and not step by step."""
    return isinstance(getattr(model.head, "classifier", None), Fitted)


def fit_head(
    model: GraftedModel, inputs: StoredStates, corpus: Corpus, folder: Path, curves: Path
) -> None:
    """Fit the model to train, and write it to `folder` and its error rates on dev to `curves`."""
    train, dev = (learnable_side(corpus, side, inputs, model) for side in ("train", "dev"))
    chosen = fit_at_once(model, inputs, train)
    rates = model.objective.rates(dev, predict(model, inputs, dev))
    found = [*([chosen] if chosen else []), *(f"dev {k} {v:.4f}" for k, v in rates.items())]
    print(f"{model.description.head}: {', '.join(found)}", file=sys.stderr)
    save_model(model, folder)
    write_curves([{"step": 0} | {f"dev/{name}": rate for name, rate in rates.items()}], curves)


def fit_at_once(model: GraftedModel, inputs: StoredStates, train: Sequence[Utterance]) -> str:
    """Fit the model's classifier to every take of `train`, and return what was chosen, in words.

    All takes of a text, or of a clip that has none, are one group.
    """
    pairs = [(utterance, take) for utterance in train for take in inputs.takes(utterance)]
    features = _pooled(model, (inputs.states(take) for _, take in pairs))
    if model.head.voice:
        model.head.voice.meet(torch.from_numpy(features))
        features = without_voices(features, [utterance.speaker for utterance, _ in pairs])
    targets = np.array([model.labels.index(utterance.label) for utterance, _ in pairs])
    groups = [utterance.text or utterance.id for utterance, _ in pairs]
    return model.head.classifier.fit(features, targets, groups)


@torch.no_grad()
def predict(model: GraftedModel, inputs: StoredStates, clips: Sequence[Utterance]) -> list[str]:
    """Return the predicted class of each clip; speakers are normalised by all their clips."""
    features = _pooled(model, (inputs.states(clip.id) for clip in clips))
    if model.head.voice:
        features = without_voices(features, [clip.speaker for clip in clips])
    scores = model.head.classifier(torch.from_numpy(features).float())
    return [model.labels[best] for best in scores.argmax(1).tolist()]


def _pooled(model: GraftedModel, takes: Iterable[Tensor]) -> np.ndarray:
    mix = model.mix or nn.Identity()
    return pool_clips(model.head.pooling, map(mix, takes))
