"""The scales and shifts of normalisation alone.

A few thousand weights scale and shift the dimensions: enough to transfer language models to images
(Lu et al. 2022, https://arxiv.org/abs/2103.05247).
"""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from voicegraft.model.unfreezing import Unfreezing

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, _NormBase)


class Way(Unfreezing):
    """See the contract."""

    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield the weights and biases of norms."""
        for part in module.modules():
            if isinstance(part, NORMS):
                yield from part.parameters()
