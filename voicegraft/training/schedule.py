"""When each part of the model learns, and how fast.

Gradual unfreezing and lower rates for lower layers: ULMFiT (Howard & Ruder 2018,
https://arxiv.org/abs/1801.06146).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from voicegraft.model.grafted import GraftedModel

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Part:
    """Parameters that begin to learn together, at one rate."""

    name: str
    parameters: tuple[nn.Parameter, ...]
    lr: float
    first_epoch: int = 0


def head_part(model: GraftedModel, lr: float) -> Part:
    """Return the head and its weights of layers, if any, which learn from the first epoch."""
    modules = [model.head] if model.mix is None else [model.head, model.mix]
    return Part("head", tuple(p for module in modules for p in module.parameters()), lr)


Learning = Callable[[nn.Module], Iterable[nn.Parameter]]
"""Gives the parameters that learn, of a module: see voicegraft.model.unfreezing."""


def attention_part(
    model: GraftedModel, lr: float, learning: Learning = nn.Module.parameters
) -> Part:
    """Return what learns of the attention decoder, from the first epoch."""
    return Part("attention decoder", tuple(learning(model.attention)), lr)


def upstream_parts(
    model: GraftedModel,
    blocks: int,
    lr: float,
    layer_decay: float,
    wait: int,
    pace: int,
    frozen_above: int = 0,
    learning: Learning = nn.Module.parameters,
    stem: bool = True,
) -> list[Part]:
    """Return the top `blocks` below the head's highest layer as parts, the highest first.

    Args:
        model: whose upstream is unfrozen; unfreezing all blocks unfreezes the stem too.
        blocks: how many.
        lr: of the highest; each lower one has `layer_decay` times the rate above it.
        layer_decay: in (0, 1]; 1 gives every block the same rate.
        wait: epochs that the head has for itself.
        pace: epochs from one block to the next; 0 unfreezes all at once.
        frozen_above: blocks between them and the head that stay frozen.
        learning: gives the parameters that learn, of a block, the norm or the stem.
        stem: whether it is run at all.

    Raises:
        ValueError: if nothing of a block learns.
    """
    top = model.description.top - frozen_above
    parts = []
    for depth, index in enumerate(reversed(range(top - blocks, top))):
        modules: list[nn.Module] = [model.upstream.blocks[index]]
        if index + 1 == len(model.upstream.blocks):
            modules.append(model.upstream.norm)
        if index == 0 and stem:
            modules += model.upstream.stem_modules()
        rate, first_epoch = lr * layer_decay**depth, wait + pace * depth
        parameters = tuple(p for module in modules for p in learning(module))
        if not parameters:
            name = type(model.upstream).__name__
            raise ValueError(f"learns: block {index + 1} of {name} has nothing of that kind")
        parts.append(Part(f"block {index + 1}", parameters, rate, first_epoch))
    return parts


def unfreeze(model: GraftedModel, parts: Iterable[Part], epoch: float = math.inf) -> list[str]:
    """Unfreeze the parts due at `epoch`, freeze the rest; return the names of the former."""
    model.requires_grad_(False)
    learning = [part for part in parts if part.first_epoch <= epoch]
    for part in learning:
        for parameter in part.parameters:
            parameter.requires_grad_(True)
    return [part.name for part in learning]


def optimiser(
    parts: Iterable[Part], weight_decay: float, device: torch.device, scaled: bool = False
) -> AdamW:
    """Return AdamW (Loshchilov & Hutter 2019) with a group for each part.

    On a CPU its fused kernel goes over the weights once, in place of ten times. With a loss that is
    `scaled`, for 16 bits, Fabric clips no gradients under a kernel that also unscales them.
    """
    groups = [{"params": list(part.parameters), "lr": part.lr} for part in parts]
    fused = True if device.type == "cpu" and not scaled else None
    return AdamW(groups, betas=(0.9, 0.98), weight_decay=weight_decay, fused=fused)


def warm_up_and_decay(
    optimiser: AdamW, parts: Iterable[Part], epoch_steps: int, epochs: int, warmup_share: float
) -> LambdaLR:
    """Raise each part's rate from the step at which it begins to learn, then lower all by a cosine.

    Args:
        optimiser: made of `parts`.
        parts: in the same order.
        epoch_steps: optimiser steps in an epoch.
        epochs: after which the rate would be zero.
        warmup_share: of all steps, spent rising.
    """
    total = epoch_steps * epochs
    rise = max(1, round(warmup_share * total))

    def factor(first_step: int, step: int) -> float:
        risen = min(1.0, max(0, step + 1 - first_step) / rise)
        return risen * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))

    return LambdaLR(
        optimiser,
        [lambda step, first=p.first_epoch * epoch_steps: factor(first, step) for p in parts],
    )


def take_step(
    fabric: "Fabric", model: nn.Module, optimiser: AdamW, schedule: LambdaLR, clip_norm: float
) -> bool:
    """Change what learns by its gradients, shortened to `clip_norm`, or return False.

    Gradients that are not finite are no step. In 16 bits the first may be so because losses are
    scaled up; that step is left out, and the scale is halved (Micikevicius et al. 2018,
    https://arxiv.org/abs/1710.03740).
    """
    norm = fabric.clip_gradients(model, optimiser, max_norm=clip_norm, error_if_nonfinite=False)
    scale = _loss_scale(fabric)
    if scale <= 1 and not torch.isfinite(norm):
        return False
    optimiser.step()
    optimiser.zero_grad()
    if _loss_scale(fabric) >= scale:
        schedule.step()
    return True


def _loss_scale(fabric: "Fabric") -> float:
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    return scaler.get_scale() if scaler else 1.0
