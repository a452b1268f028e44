"""Where training runs: devices and precision, through Lightning Fabric."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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


def attention_kernels(device: torch.device) -> AbstractContextManager:
    """Return a context in which attention trains fastest on `device`.

    The fused kernel's backward pass is slower on a CPU than that of plain matrix products: an
    epoch of the top three blocks took 9 % longer on two cores, and nothing is gained at clips
    of some seconds.
    """
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
