"""Low-rank updates of linear layers: LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685).

A layer W x becomes W x + B A x · alpha / rank. W stays frozen; B starts at zero. Every linear layer
of a block has an update, as fewer do not reach full fine-tuning (Dettmers et al. 2023,
https://arxiv.org/abs/2305.14314). If queries, keys and values are one layer, they share one A.

Attention often reads the weights of its layers without calling them (torch's own, and WavLM's in
transformers and torchaudio). So an adapted layer works both ways: when called, it adds B A x, which
costs little; its attribute `weight` is W + B A · alpha / rank. torch's parametrization does the
same, but it would rename W and train through the whole matrix each time.

The `peft` library computes the same, and tests compare with it. But it renames the layers that it
wraps, does not support recurrent ones, and loading a model would need peft and transformers.
"""

import math
from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.unfreezing import Unfreezing


class LowRank(nn.Module):
    """B A · alpha / rank, beside a frozen W of shape (outputs, inputs)."""

    def __init__(self, frozen: Tensor, rank: int, alpha: float):
        super().__init__()
        outputs, inputs = frozen.shape
        self.scale = alpha / rank
        self.a = nn.Parameter(torch.empty(rank, inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))  # as in microsoft/LoRA `layers.py`

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (…, inputs of the layer) to (…, its outputs)."""
        return F.linear(F.linear(inputs, self.a) * self.scale, self.b)

    def added_to(self, frozen: Tensor) -> Tensor:
        """Return the sum of both matrices, (outputs, inputs)."""
        return frozen + self.b @ self.a * self.scale


class AdaptedLinear(nn.Linear):
    """A linear layer with a low-rank update."""

    lora: LowRank

    @property
    def weight(self) -> Tensor:
        """The updated matrix; the parameter of that name is the frozen part."""
        return self.lora.added_to(self._parameters["weight"])

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (…, inputs) to (…, outputs)."""
        return F.linear(inputs, self._parameters["weight"], self.bias) + self.lora(inputs)


class AdaptedAttention(nn.MultiheadAttention):
    """Torch's attention with a low-rank update of its joint matrix of queries, keys and values."""

    lora: LowRank

    @property
    def in_proj_weight(self) -> Tensor:
        """The updated matrices of queries, keys and values, stacked."""
        return self.lora.added_to(self._parameters["in_proj_weight"])


class Way(Unfreezing):
    """See the contract."""

    adds: ClassVar[bool] = True

    rank: PositiveInt
    alpha: PositiveFloat

    def add(self, block: nn.Module, size: int) -> None:  # noqa: ARG002 - the layers know theirs
        """See the contract."""
        found = [(m, *_adapted(m)) for m in block.modules() if _adapted(m)]
        if not found:
            raise ValueError("learns: lora needs linear layers, and the blocks here have none")
        for module, kind, weight in found:
            module.lora = LowRank(module.get_parameter(weight), self.rank, self.alpha)
            module.__class__ = kind

    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield every A and B."""
        for part in module.modules():
            if isinstance(part, LowRank):
                yield from part.parameters()


def _adapted(module: nn.Module) -> tuple[type[nn.Module], str] | None:
    """Return the adapted class of a module and the name of its matrix; None if it has none."""
    if isinstance(module, nn.Linear):
        return AdaptedLinear, "weight"
    if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
        return AdaptedAttention, "in_proj_weight"
    return None
