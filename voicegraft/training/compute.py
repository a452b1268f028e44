"""Where training runs: devices and precision, through Lightning Fabric.

`compute.precision: auto` stands for bf16-mixed or 32-true. As with states
(voicegraft/model/precision.py), `auto` looks: a few clips go forward and back in both before the
first step, and bf16-mixed is taken only where all that differs is rounding.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from voicegraft.model.batches import Ragged, join
from voicegraft.model.dropout import Dropout
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.precision import (
    ROUNDING,
    Precision,
    Results,
    alike,
    bfloat16_is_fast,
    bound_cache,
    products_in,
)
from voicegraft.pipeline.params import Section
from voicegraft.training import sharding
from voicegraft.training.inputs import Inputs
from voicegraft.training.ranks import processes
from voicegraft.training.schedule import Part

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Compute(Section):
    """Knobs of the section `compute`."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"]
    devices: PositiveInt
    sharded: bool = False
    precision: Literal["auto", "32-true", "16-mixed", "bf16-mixed"]


def engine(compute: Compute) -> "Fabric":
    """Return a Fabric, launched.

    Args:
        compute: with a precision that is `settled`.
    """
    from lightning_fabric import Fabric  # brings seconds to what is found without a gradient

    bound_cache()
    devices, nodes = processes(compute.devices)
    # With several devices, blocks that are not yet unfrozen leave parameters without a gradient.
    strategy = "ddp_find_unused_parameters_true" if devices * nodes > 1 else "auto"
    if compute.sharded and strategy != "auto":
        strategy = sharding.strategy(devices * nodes)
    fabric = Fabric(
        accelerator=compute.accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy=strategy,
        precision=compute.precision,
    )
    fabric.launch()
    return fabric


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generator inside the block, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def attention_kernels(device: torch.device) -> Iterator[None]:
    """Train attention inside the block as it is fastest on `device`.

    The fused kernel's backward pass is slower on a CPU than that of plain matrix products: an
    epoch of the top three blocks took 9 % longer on two cores, and nothing is gained at clips
    of some seconds. Those products are in bfloat16 where the rest is; unasked, torch widens
    them to float32, which cost three blocks another 7 %.
    """
    if device.type != "cpu":
        yield
        return
    flags = torch.backends.cuda  # they hold on a CPU as well
    before = flags.fp16_bf16_reduction_math_sdp_allowed()
    flags.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        flags.allow_fp16_bf16_reduction_math_sdp(before)


CLIPS = 8
"""So many together, as in a batch of training: from clip to clip the error varies too much. In the
lowest block of Whisper base it is 7 to 37 % of one clip, and 17 to 18 % of eight."""
GRADIENT_ROUNDING = 0.25
"""The relative error up to which gradients are right.

Rounding adds up on the way back, too: 0.3 to 8.5 % over all upstreams with random weights, of up to
24 blocks, and 3 to 18 % from the top to the lowest block of Whisper base. Behind a convolution that
returns noise the worst is off by 23 to 98 %, and what the head is given by 25 % and more.
"""


def settled(
    compute: Compute, model: GraftedModel, inputs: Inputs, parts: Sequence[Part]
) -> Compute:
    """Return `compute` with the precision that `auto` stands for, and any other as it is.

    Args:
        compute: whose device the model is moved to, where there is something to look at.
        model: what is trained; its weights, modes and gradients are left as they are.
        inputs: what it is trained on.
        parts: what of it learns, sooner or later.
    """
    if compute.precision != "auto":
        return compute
    bound_cache()  # before anything is multiplied
    device = _device(compute.accelerator)
    mixed = bfloat16_is_fast(device)
    if not compute.sharded:  # it may not fit the device
        mixed = mixed and learns_alike(model.to(device), inputs, parts)
    return compute.model_copy(update={"precision": "bf16-mixed" if mixed else "32-true"})


def learns_alike(model: GraftedModel, inputs: Inputs, parts: Sequence[Part]) -> bool:
    """Return whether emissions and gradients are the same in bfloat16 but for rounding."""
    device = next(model.parameters()).device
    clips = join([clip.to(device) for clip in inputs.examples(CLIPS)])

    def run(precision: Precision) -> Results:
        with _as_in_training(model, parts), attention_kernels(device):
            return _results(model, clips, inputs.start, parts, precision)

    return alike("compute.precision", run)


def _results(
    model: GraftedModel,
    clips: Ragged,
    start: int | None,
    parts: Sequence[Part],
    precision: Precision,
) -> Results:
    """Return what the head is given, what it emits, and the gradient of each part."""
    given: list[Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, args: given.append(args[0].values))
    texts = [" ".join(model.labels)] * len(clips.lengths) if model.attention else None
    with hook, products_in(precision, clips.values.device):
        emissions, _, *attention = model(clips.values, clips.lengths, start, texts)
    emissions = emissions.float()
    # Random weights: whatever the head is sure of, what it emits leaves a gradient.
    weights = torch.rand(emissions.shape, generator=torch.Generator().manual_seed(1))
    loss = -(weights.to(emissions.device) * emissions).mean() + sum(attention)
    forward = {"what the head is given": given[0], "what the head emits": emissions}
    right = {name: (values.detach(), ROUNDING) for name, values in forward.items()}
    return right | {k: (v, GRADIENT_ROUNDING) for k, v in _gradients(loss, parts).items()}


def _gradients(loss: Tensor, parts: Sequence[Part]) -> dict[str, Tensor]:
    """Return the gradient of each part, end to end; a head that is fitted at once has none."""
    learning = [parameter for part in parts for parameter in part.parameters]
    each = iter(torch.autograd.grad(loss, learning, allow_unused=True) if learning else ())
    found = {}
    for part in parts:
        own = [g.flatten() for g in islice(each, len(part.parameters)) if g is not None]
        if own:
            found[f"the gradient of {part.name}"] = torch.cat(own)
    return found


@contextmanager
def _as_in_training(model: GraftedModel, parts: Sequence[Part]) -> Iterator[None]:
    """Let all `parts` learn inside the block, without dropout, and leave the model as it was."""
    modes = {module: module.training for module in model.modules()}
    frozen = [p for part in parts for p in part.parameters if not p.requires_grad]
    model.train()  # an LSTM on a GPU has no gradient otherwise
    for module in modes:
        if isinstance(module, (Dropout, nn.Dropout)):
            module.eval()
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, training in modes.items():
            module.training = training


def _device(accelerator: str) -> torch.device:
    """Return where Fabric trains: of several GPUs, the one of this process."""
    if accelerator in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu" if accelerator == "auto" else accelerator)
