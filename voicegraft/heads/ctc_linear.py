"""A linear layer on normalised states: the simplest CTC head."""

from torch import nn

from voicegraft.model.batches import Padded
from voicegraft.model.head import Head


class LinearHead(Head):
    """A label for every frame of the upstream."""

    subsampling = 1

    def __init__(self, size: int, labels: int):
        super().__init__()
        self.label = nn.Linear(size, labels)

    def forward(self, states: Padded) -> Padded:
        """See `Head`."""
        return states.with_values(self.label(states.normalised().values).log_softmax(-1))


def build(size: int, labels: int) -> LinearHead:
    """See the contract."""
    return LinearHead(size, labels)
