"""Linear discriminants, shrunken: from one clip of each class to thousands, in seconds.

How they are found: voicegraft.model.discriminants.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model import discriminants
from voicegraft.model.classifier import Fitted


class Discriminants(Fitted):
    """A linear layer on features of mean 0 and deviation 1 in train, then of length 1."""

    def __init__(self, features: int, labels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.label = nn.Linear(features, labels)

    def forward(self, features: Tensor) -> Tensor:
        """See `Classifier`."""
        return self.label(F.normalize((features - self.mean) / self.scale, dim=1))

    @torch.no_grad()
    def fit(self, features: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> str:
        """See `Fitted`: the penalty and the sharpness, if every class is in two groups."""
        found = discriminants.fit(features, targets, groups)
        pairs = (
            (self.mean, found.mean),
            (self.scale, found.scale),
            (self.label.weight, found.sharpness * found.weights.T),
            (self.label.bias, found.sharpness * found.biases),
        )
        for own, value in pairs:
            own.copy_(torch.from_numpy(value))
        if found.left_out is None:
            return f"penalty {found.penalty:g}, as a class has clips of one group alone"
        return f"penalty {found.penalty:g}, by leaving out each group of train"


def build(features: int, labels: int) -> Discriminants:
    """See the contract."""
    return Discriminants(features, labels)
