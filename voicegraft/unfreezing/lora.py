"""Low-rank updates of linear layers: LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685).

A layer that gave W x gives W x + B A x · alpha / rank. W stays frozen; B begins at zero. Every
linear layer of a block has one, as fewer do not reach full fine-tuning (Dettmers et al. 2023,
https://arxiv.org/abs/2305.14314); queries, keys and values that are one layer share one A.

The `peft` library computes the same, and tests compare with it. But it renames the layers that it
wraps, knows no recurrent ones, and a model would need it and transformers to be loaded.
"""

import math
from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.unfreezing import Unfreezing


class LowRank(nn.Module):
    """B A x · alpha / rank, beside a linear layer."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float):
        super().__init__()
        self.scale = alpha / rank
        self.a = nn.Parameter(torch.empty(rank, linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))  # as in microsoft/LoRA `layers.py`

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (…, inputs of the layer) to (…, its outputs)."""
        return F.linear(F.linear(inputs, self.a) * self.scale, self.b)


class Way(Unfreezing):
    """See the contract."""

    adds: ClassVar[bool] = True

    rank: PositiveInt
    alpha: PositiveFloat

    def add(self, block: nn.Module, size: int) -> None:  # noqa: ARG002 - the layers know theirs
        """See the contract."""
        linears = [module for module in block.modules() if isinstance(module, nn.Linear)]
        if not linears:
            raise ValueError("learns: lora needs linear layers, and the blocks here have none")
        for linear in linears:
            linear.lora = LowRank(linear, self.rank, self.alpha)
            linear.register_forward_hook(_updated)

    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield every A and B."""
        for part in module.modules():
            if isinstance(part, LowRank):
                yield from part.parameters()


def _updated(linear: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    return output + linear.lora(inputs[0])
