"""The nearest class mean, by cosine: for a few clips of each class.

Prototypical networks without a network to train: Snell et al. 2017,
https://arxiv.org/abs/1703.05175. Class means on a good frozen embedding do well with few shots:
Chen et al. 2019, https://arxiv.org/abs/1904.04232.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler, normalize
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.classifier import Fitted

SHARPNESS = 10.0
"""Factor from cosines, -1 to 1, to logits: the nearest class gets most, not all."""


class Prototypes(Fitted):
    """A unit vector for each class."""

    def __init__(self, features: int, labels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.prototypes = nn.Parameter(F.normalize(torch.randn(labels, features), dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """See `Classifier`."""
        directions = F.normalize((features - self.mean) / self.scale, dim=1)
        return SHARPNESS * directions @ F.normalize(self.prototypes, dim=1).T

    @torch.no_grad()
    def fit(self, features: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> str:  # noqa: ARG002
        """See `Fitted`: nothing is chosen."""
        scaler = StandardScaler().fit(features)
        directions = normalize(scaler.transform(features))
        means = [directions[targets == label].mean(0) for label in range(len(self.prototypes))]
        self.mean.copy_(torch.from_numpy(scaler.mean_))
        self.scale.copy_(torch.from_numpy(scaler.scale_))
        self.prototypes.copy_(torch.from_numpy(normalize(np.array(means))))
        return ""


def build(features: int, labels: int) -> Prototypes:
    """See the contract."""
    return Prototypes(features, labels)
