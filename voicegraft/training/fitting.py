"""Find a classifier's weights from all of train at once, where no steps are needed."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from voicegraft.model.classifier import Fitted
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.pooling import pool_clips
from voicegraft.model.speakers import without_voices
from voicegraft.speech.manifest import Utterance
from voicegraft.training.inputs import StoredStates


def is_fitted(model: GraftedModel) -> bool:
    """Return whether the model's classifier is found in one go, and not step by step."""
    return isinstance(getattr(model.head, "classifier", None), Fitted)


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
def told(model: GraftedModel, inputs: StoredStates, clips: Sequence[Utterance]) -> list[str]:
    """Return the class of each clip, as the model tells it from all clips of its voice."""
    features = _pooled(model, (inputs.states(clip.id) for clip in clips))
    if model.head.voice:
        features = without_voices(features, [clip.speaker for clip in clips])
    scores = model.head.classifier(torch.from_numpy(features).float())
    return [model.labels[best] for best in scores.argmax(1).tolist()]


def _pooled(model: GraftedModel, takes: Iterable[Tensor]) -> np.ndarray:
    heard = model.mix or nn.Identity()
    return pool_clips(model.head.pooling, map(heard, takes))
