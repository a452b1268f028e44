"""Find a classifier's weights from all of train at once, where no steps are needed."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from voicegraft.classifiers import Fitted
from voicegraft.grafted import GraftedModel
from voicegraft.pooling import pool_clips
from voicegraft.speech.manifest import Utterance
from voicegraft.training.inputs import StoredStates


def is_fitted(model: GraftedModel) -> bool:
    """Return whether the model's classifier is found in one go, and not step by step."""
    return isinstance(model.head.classifier, Fitted)


def fit_at_once(model: GraftedModel, inputs: StoredStates, train: Sequence[Utterance]) -> str:
    """Fit the model's classifier to every take of `train`, and return what was chosen, in words.

    All takes of a text, or of a clip that has none, are one group.
    """
    heard = model.mix or nn.Identity()
    pairs = [(utterance, heard(take)) for utterance in train for take in inputs.takes(utterance)]
    features = pool_clips(model.head.pooling, [take for _, take in pairs])
    targets = np.array([model.labels.index(utterance.label) for utterance, _ in pairs])
    groups = [utterance.text or utterance.id for utterance, _ in pairs]
    return model.head.classifier.fit(features, targets, groups)
