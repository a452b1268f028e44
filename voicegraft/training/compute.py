"""Where training runs: devices and precision, through Lightning Fabric."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import PositiveInt
from torch.nn.attention import SDPBackend, sdpa_kernel

from voicegraft.model.precision import bound_cache
from voicegraft.pipeline.params import Section

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Compute(Section):
    """Knobs of the section `compute`."""

    accelerator: Literal["auto", "cpu", "cuda", "mps"]
    devices: PositiveInt
    precision: Literal["auto", "32-true", "16-mixed", "bf16-mixed"]


def engine(compute: Compute) -> "Fabric":
    """Return a Fabric, launched.

    Args:
        compute: with a precision that is `settled` (voicegraft.training.mixed).
    """
    from lightning_fabric import Fabric  # brings seconds to what is found without a gradient

    bound_cache()
    # With several devices, blocks that are not yet unfrozen leave parameters without a gradient.
    strategy = "ddp_find_unused_parameters_true" if compute.devices > 1 else "auto"
    fabric = Fabric(
        accelerator=compute.accelerator,
        devices=compute.devices,
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
