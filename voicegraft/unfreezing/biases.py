"""The biases alone: BitFit (Ben Zaken et al. 2022, https://arxiv.org/abs/2106.10199)."""

from collections.abc import Iterable

from torch import nn

from voicegraft.model.unfreezing import Unfreezing


class Way(Unfreezing):
    """See the contract."""

    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield the biases, including those of norms and recurrent layers."""
        for name, parameter in module.named_parameters():
            if "bias" in name.rpartition(".")[2]:
                yield parameter
