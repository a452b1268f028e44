"""Every weight of the unfrozen blocks."""

from collections.abc import Iterable

from torch import nn

from voicegraft.model.unfreezing import Unfreezing


class Way(Unfreezing):
    """See the contract."""

    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield all parameters."""
        yield from module.parameters()
