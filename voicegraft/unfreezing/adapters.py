"""A small network behind each block, through a bottleneck (Houlsby et al. 2019,
https://arxiv.org/abs/1902.00751).

Theirs are inside a block, after attention and after the feed-forward layer. Here each is after the
whole block, with its own norm (Bapna & Firat 2019, https://arxiv.org/abs/1909.08478). It does not
depend on the inside of a block, so it fits any upstream.
"""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.unfreezing import Unfreezing


class Bottleneck(nn.Module):
    """A residual added to the states: a norm, a projection down, ReLU, a projection up."""

    def __init__(self, size: int, bottleneck: int):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.down = nn.Linear(size, bottleneck)
        self.up = nn.Linear(bottleneck, size)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Map (frames, size) to the same."""
        return self.up(F.relu(self.down(self.norm(states))))


class Way(Unfreezing):
    """See the contract."""

    adds: ClassVar[bool] = True

    bottleneck: PositiveInt

    def add(self, block: nn.Module, size: int) -> None:
        """See the contract."""
        block.adapter = Bottleneck(size, self.bottleneck)
        block.register_forward_hook(_adapted)

    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield the weights of every adapter."""
        for part in module.modules():
            if isinstance(part, Bottleneck):
                yield from part.parameters()


def _adapted(
    block: nn.Module, _inputs: tuple, output: Tensor | tuple[Tensor, ...]
) -> Tensor | tuple[Tensor, ...]:
    if isinstance(output, tuple):  # a decoder's block also returns keys and values
        states, *others = output
        return states + block.adapter(states), *others
    return output + block.adapter(output)
