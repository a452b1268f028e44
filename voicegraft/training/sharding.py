"""A model that does not fit one device: each rank keeps a shard of every parameter.

By torch's FSDP (Zhao et al. 2023, https://arxiv.org/abs/2304.11277): a block is gathered as it runs
and let go at once, and gradients and the optimiser's moments are shards as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from voicegraft.model.grafted import GraftedModel
from voicegraft.training.schedule import Part

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import ModelParallelStrategy
    from torch.distributed.device_mesh import DeviceMesh


def strategy(ranks: int) -> "ModelParallelStrategy":
    """Return Fabric's strategy that shards a model over all ranks."""
    from lightning_fabric.strategies import ModelParallelStrategy

    return ModelParallelStrategy(_sharded, data_parallel_size=ranks, tensor_parallel_size=1)


def _sharded(model: GraftedModel, mesh: "DeviceMesh") -> GraftedModel:
    from torch.distributed.fsdp import fully_shard

    own = mesh["data_parallel"]
    for block in model.upstream.blocks:
        fully_shard(block, mesh=own)
    return fully_shard(model, mesh=own, reshard_after_forward=True)


def shards(fabric: "Fabric") -> bool:
    """Return whether each rank has but a shard of the model, so that all must run it together."""
    return hasattr(fabric.strategy, "device_mesh")


def set_up(
    fabric: "Fabric",
    model: GraftedModel,
    parts: Sequence[Part],
    make: Callable[[Sequence[Part]], AdamW],
) -> tuple[nn.Module, AdamW, Sequence[Part]]:
    """Return the model as it is called in training, its optimiser, and its parts.

    Sharding replaces every parameter by a shard: the parts are of those then.

    Raises:
        ValueError: if what is to be sharded has an attention decoder, weights of layers, or parts
            that learn later.
    """
    if not shards(fabric):
        wrapped, adamw = fabric.setup(model, make(parts))
        return wrapped, adamw, parts
    if model.attention or model.mix or any(part.first_epoch for part in parts):
        raise ValueError(
            "params.yaml: compute.sharded must be false with several layers in head.layer, or with "
            "attention_weight, head_epochs or epochs_per_block above 0"
        )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    wrapped = fabric.setup_module(model)
    own = dict(model.named_parameters())
    parts = [
        replace(part, parameters=tuple(own[names[id(p)]] for p in part.parameters))
        for part in parts
    ]
    return wrapped, fabric.setup_optimizers(make(parts)), parts


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor, from the shards of all ranks, which call this together."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


@torch.no_grad()
def like(everything: Tensor, tensor: Tensor) -> Tensor:
    """Return this rank's shard of `everything`, if `tensor` is a shard, else all of it."""
    if not hasattr(tensor, "full_tensor"):
        return everything
    from torch.distributed.tensor import distribute_tensor

    mesh = tensor.device_mesh
    return distribute_tensor(everything.to(mesh.device_type), mesh, tensor.placements)
