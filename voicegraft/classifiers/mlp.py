"""A hidden layer, trained by gradient descent: for many clips, and for learnt pooling."""

from torch import Tensor, nn

from voicegraft.model.classifier import Classifier

HIDDEN, DROPOUT = 256, 0.2


class Mlp(Classifier):
    """One hidden layer on normalised features."""

    def __init__(self, features: int, labels: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(features),
            nn.Linear(features, HIDDEN),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, labels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """See `Classifier`."""
        return self.layers(features)


def build(features: int, labels: int) -> Mlp:
    """See the contract."""
    return Mlp(features, labels)
