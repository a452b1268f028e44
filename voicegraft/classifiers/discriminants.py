"""Linear discriminants, shrunken: from one clip of each class to thousands, in seconds.

How they are found: voicegraft.model.discriminants.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from voicegraft.model import discriminants
from voicegraft.model.classifier import FittedLinear


class Discriminants(FittedLinear):
    """A linear layer on features of mean 0 and deviation 1 in train, then of length 1."""

    def standardised(self, features: Tensor) -> Tensor:
        """See `FittedLinear`; here each clip has length 1."""
        return F.normalize(super().standardised(features), dim=1)

    def fit(self, features: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> str:
        """See `Fitted`: the penalty and the sharpness, if every class is in two groups."""
        found = discriminants.fit(features, targets, groups)
        sharp = found.sharpness
        self.take_over(found.mean, found.scale, sharp * found.weights.T, sharp * found.biases)
        if found.left_out is None:
            return f"penalty {found.penalty:g}, as a class has clips of one group alone"
        return f"penalty {found.penalty:g}, by leaving out each group of train"


def build(features: int, labels: int) -> Discriminants:
    """See the contract."""
    return Discriminants(features, labels)
