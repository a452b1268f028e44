"""Classifiers whose weights are found from all of train at once, without steps."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from voicegraft.model.classifier import Fitted
from voicegraft.model.grafted import GraftedModel, save_model
from voicegraft.model.pooling import pool_clips
from voicegraft.model.speakers import without_voices
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.training.inputs import StoredStates, learnable_side
from voicegraft.training.records import write_curves


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
