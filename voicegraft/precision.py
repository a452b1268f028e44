"""float32, or bfloat16 where the machine multiplies it faster."""

from contextlib import AbstractContextManager
from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]


def bfloat16_is_fast() -> bool:
    """Return whether the GPU, or the processor where there is none, has bfloat16 products."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return getattr(torch.cpu, "get_capabilities", dict)().get("avx512_bf16", False)


def on_this_machine(precision: Literal["auto", "float32", "bfloat16"]) -> Precision:
    """Return what `auto` stands for on this machine, and anything else as it is."""
    if precision != "auto":
        return precision
    return "bfloat16" if bfloat16_is_fast() else "float32"


def products_in(precision: Precision, device: torch.device) -> AbstractContextManager:
    """Return a context in which matrix products and convolutions run in `precision`.

    Norms, softmax and sums stay in float32 (https://docs.pytorch.org/docs/stable/amp.html).
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
