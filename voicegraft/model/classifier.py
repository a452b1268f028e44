"""The contract of a classifier: a head that predicts the class of a whole clip.

It is a file of voicegraft/classifiers, named in params.yaml, with

    build(features, labels) -> Classifier

where `features` is the size of a pooled clip and `labels` the number of classes. The weights of a
`Fitted` classifier are found at once from the pooled clips of train, by scikit-learn; any other is
trained by gradient descent, like heads for CTC. Both can be fine-tuned with the upstream.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from voicegraft.model.batches import Padded
from voicegraft.model.head import Head
from voicegraft.model.layers import AnyLayer
from voicegraft.model.pooling import Pooling
from voicegraft.model.speakers import Voice
from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import Utterance


class ClassifierChoice(Section):
    """The classifier, its input layers, pooling (either may be auto) and speaker normalisation."""

    name: str
    layer: AnyLayer
    pooling: str
    normalise: Literal["none", "speaker"]

    @property
    def normalised_by(self) -> str | None:
        """The value of `normalise` in a `Description`."""
        return None if self.normalise == "none" else self.normalise

    def described(self, train: Sequence[Utterance]) -> dict[str, Any]:
        """Return the fields of a `Description` for this head; the labels are those of `train`."""
        return {
            "head": self.name,
            "labels": sorted({clip.label for clip in train}),
            "pooling": self.pooling,
            "normalise": self.normalised_by,
        }


class Classifier(nn.Module, ABC):
    """Pooled clips (clips, features) → logits (clips, labels)."""

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Map (clips, features) to (clips, labels)."""


class Fitted(Classifier):
    """A classifier whose weights are found from all of train at once."""

    @abstractmethod
    def fit(self, features: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> str:
        """Find the weights.

        Args:
            features: pooled clips of train, (clips, features).
            targets: the class of each, (clips,), from 0.
            groups: clips of one group are never on both sides of a fold.

        Returns:
            The hyperparameters that were chosen, in words; "" if there are none.
        """


class FittedLinear(Fitted):
    """A linear layer on features of mean 0 and deviation 1 in train."""

    def __init__(self, features: int, labels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.label = nn.Linear(features, labels)

    def forward(self, features: Tensor) -> Tensor:
        """See `Classifier`."""
        return self.label(self.standardised(features))

    def standardised(self, features: Tensor) -> Tensor:
        """Map (clips, features) to the same, by the mean and deviation of train."""
        return (features - self.mean) / self.scale

    @torch.no_grad()
    def take_over(
        self, mean: np.ndarray, scale: np.ndarray, weights: np.ndarray, biases: np.ndarray
    ) -> None:
        """Keep what was found: mean and scale (features,), weights (labels, features), biases."""
        layers = self.mean, self.scale, self.label.weight, self.label.bias
        for own, found in zip(layers, (mean, scale, weights, biases), strict=True):
            own.copy_(torch.from_numpy(found))


class PooledHead(Head):
    """A classifier on pooled frames as a head: it emits one frame for each clip."""

    subsampling = 1

    def __init__(self, pooling: Pooling, classifier: Classifier, voice: Voice | None = None):
        super().__init__()
        self.pooling, self.classifier, self.voice = pooling, classifier, voice

    def forward(self, states: Padded) -> Padded:
        """Map (batch, frames, size) to log-probabilities (batch, 1, labels)."""
        emissions = self.classify(self.pooling(states))
        return Padded(emissions[:, None], torch.ones(len(emissions), dtype=torch.long))

    def classify(self, pooled: Tensor) -> Tensor:
        """Map pooled clips, (batch, features), to log-probabilities (batch, labels)."""
        return self.classifier(self.voice(pooled) if self.voice else pooled).log_softmax(-1)

    def frames_out(self, frames: int) -> int:  # noqa: ARG002 - one, always
        """See `Head`."""
        return 1


def names() -> list[str]:
    """Return the classifiers in voicegraft/classifiers."""
    return plugins.names("classifiers")


def build(
    name: str, pooling: str, size: int, labels: int, silence: int = 0, by_voice: bool = False
) -> PooledHead:
    """Return the classifier of that name, with random weights from torch's generator.

    Args:
        name: a file of voicegraft/classifiers.
        pooling: see voicegraft.model.pooling.
        size: of a frame.
        labels: number of classes.
        silence: number of frames of silence after each clip.
        by_voice: whether clips are normalised by speaker: see voicegraft.model.speakers.

    Raises:
        ValueError: naming the known classifiers or ways to pool.
    """
    if name not in names():
        raise ValueError(f"head.name: {name!r} is not in voicegraft/classifiers: {names()}")
    pool = Pooling(pooling, size, silence)
    classifier = plugins.load("classifiers", name).build(pool.features, labels)
    if isinstance(classifier, Fitted) and list(pool.parameters()):
        raise ValueError(
            f"head.pooling: {pooling} has weights to train, and {name} is not trained step "
            "by step: take another way to pool, or head.name: mlp"
        )
    if by_voice and not isinstance(classifier, Fitted):
        raise ValueError(
            f"head.normalise: speaker looks at all clips of a voice at once, and {name} is trained "
            "by batches: take head.name: logistic or discriminants"
        )
    return PooledHead(pool, classifier, Voice(pool.features) if by_voice else None)
