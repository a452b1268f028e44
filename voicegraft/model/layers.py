"""One input layer or several: mixed by learnt weights, or concatenated.

A weighted sum of layers is SUPERB's way to let a task choose (Yang et al. 2021,
https://arxiv.org/abs/2105.01051): lower layers keep information on sounds that higher ones lose.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator
from torch import Tensor, nn
from torch.nn import functional as F


def one_or_several(layers: Sequence[int]) -> int | tuple[int, ...]:
    """Return the layer if `layers` has only one, or all of them."""
    return layers[0] if len(layers) == 1 else tuple(layers)


def _layer(value: Any) -> int | tuple[int, ...]:
    layers = list(value) if isinstance(value, list | tuple) else [value]
    if not layers or any(type(layer) is not int or layer < 0 for layer in layers):
        raise ValueError("must be a layer, 0 and up, or a list of layers")
    if layers != sorted(set(layers)):
        raise ValueError("must increase")
    return one_or_several(layers)


Layer = Annotated[int | tuple[int, ...], BeforeValidator(_layer)]
"""The number of a layer, or two or more, increasing, as the head's input."""
AUTO = "auto"


def _layer_or_auto(value: Any) -> int | tuple[int, ...] | str:
    return value if value == AUTO else _layer(value)


AnyLayer = Annotated[int | tuple[int, ...] | Literal["auto"], BeforeValidator(_layer_or_auto)]
"""The same, or auto: it is chosen from what is stored, see voicegraft.embedding.choice."""


def numbers(layer: Layer) -> tuple[int, ...]:
    """Return the numbers of the input layers, increasing."""
    return (layer,) if isinstance(layer, int) else layer


def trunk_below(layer: Layer, unfrozen_blocks: int) -> int:
    """Return the highest layer from which all input layers can be computed.

    This is `unfrozen_blocks` below the highest input layer, or the lowest input layer if that is
    lower.
    """
    inputs = numbers(layer)
    return min(inputs[0], inputs[-1] - unfrozen_blocks)


class SideBySide(nn.Module):
    """Concatenate the states of several layers, for a classifier."""

    def forward(self, states: Tensor) -> Tensor:
        """Map (frames, layers, size) to (frames, layers times size)."""
        return states.flatten(1)


class WeightedSum(nn.Module):
    """A weighted sum of the states of several layers; the softmax weights are equal at first.

    Each layer is normalised over its frame, so that the weights do not depend on the scale of a
    layer.
    """

    def __init__(self, layers: int):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers))

    @property
    def weights(self) -> Tensor:
        """The weight of each layer, (layers,); they sum to 1."""
        return self.logits.softmax(0)

    def forward(self, states: Tensor) -> Tensor:
        """Map (frames, layers, size) to (frames, size)."""
        normalised = F.layer_norm(states, states.shape[-1:])
        return torch.einsum("fls,l->fs", normalised, self.weights)
