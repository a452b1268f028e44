"""float32, or bfloat16 where the machine computes it faster and correctly.

A processor's flag for bfloat16 products does not mean that a library computes them correctly:
oneDNN returned noise for some convolutions on processors with AMX (docs/known_faults.md). So `auto`
runs the model once in both precisions, on a second of sound, and chooses bfloat16 only if the
difference is rounding.

The module also bounds the cache of oneDNN, torch's library for CPUs.
"""

import math
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Literal

import torch
from torch import Tensor

from voicegraft.model.upstream import Upstream

Precision = Literal["float32", "bfloat16"]

Results = Mapping[str, tuple[Tensor, float]]
"""Results by name, each with its largest allowed relative error."""

ROUNDING = 0.05
"""The largest relative error of states that rounding explains.

Products are rounded to 8 bits, 0.4 %, and layers add up: 0.2 to 1.9 % over all upstreams with
random weights, of up to 24 blocks, and 2.3 % at the last layer of Whisper base. A convolution that
returns noise changes states by 25 % and more, even if most of a state bypasses it.
"""

_REPORTED: set[str] = set()
"""Knobs whose fallback to float32 was reported already."""


def bfloat16_is_fast(device: torch.device) -> bool:
    """Return whether `device`, a GPU or the processor, has bfloat16 products."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and capabilities.get("avx512_bf16", False)


def on_this_machine(
    precision: Literal["auto", "float32", "bfloat16"], upstream: Upstream
) -> Precision:
    """Return the precision of `auto` on the device of `upstream`, or the given precision."""
    if precision != "auto":
        return precision
    if not bfloat16_is_fast(upstream.device):
        return "float32"
    return "bfloat16" if encodes_alike(upstream) else "float32"


def products_in(precision: Precision, device: torch.device) -> AbstractContextManager:
    """Return a context in which matrix products and convolutions run in `precision`.

    Norms, softmax and sums stay in float32 (https://docs.pytorch.org/docs/stable/amp.html).
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


@torch.inference_mode()
def encodes_alike(upstream: Upstream) -> bool:
    """Return whether all layers of `upstream` are the same in bfloat16 except for rounding."""
    windows = [upstream.window(wave.to(upstream.device), 0.0) for wave in sound(upstream)]
    layers = range(len(upstream.blocks) + 1)

    def states(precision: Precision) -> Results:
        with products_in(precision, upstream.device):
            encoded = upstream.encode(windows, layers)
        return {f"layer {layer}": (encoded[layer].values, ROUNDING) for layer in layers}

    return alike("extract_embeddings.precision", states)


def sound(upstream: Upstream) -> list[Tensor]:
    """Return a voice-like glide and noise, each (samples,), one second in all; deterministic."""
    rate = upstream.sample_rate
    time = torch.arange(round(0.6 * rate)) / rate
    turns = (120 * time - 3.2 * torch.cos(2 * math.pi * 3 * time)) * 2 * math.pi
    voice = sum(torch.sin(k * turns) / k for k in range(1, 20)) / 10
    draw = torch.Generator().manual_seed(1)
    return [voice, torch.randn(round(0.4 * rate), generator=draw) / 20]


def alike(knob: str, run: Callable[[Precision], Results]) -> bool:
    """Return whether `run` gives the same in bfloat16 except for rounding; report once if not.

    Args:
        knob: the knob that is `auto`, for the message.
        run: computes the results in a precision.
    """
    exact = run("float32")
    try:
        rounded = run("bfloat16")
    except RuntimeError as error:  # the library lacks this product for the processor
        _report_once(knob, f"fails on this machine: {error}")
        return False
    errors = {name: relative_error(rounded[name][0], exact[name][0]) for name in exact}
    worst = max(errors, key=lambda name: errors[name] / exact[name][1])
    most = exact[worst][1]
    if errors[worst] <= most:
        return True
    _report_once(
        knob,
        f"is wrong on this machine: {worst} is off by {errors[worst]:.0%}, and rounding explains "
        f"{most:.0%} at most (docs/known_faults.md)",
    )
    return False


def relative_error(values: Tensor, exact: Tensor) -> float:
    """Return the norm of the difference over that of `exact`; infinite if one is not finite."""
    difference, size = (t.double().norm().item() for t in (values - exact, exact))
    if difference == 0:
        return 0.0
    return difference / size if math.isfinite(difference) and size else math.inf


def _report_once(knob: str, why: str) -> None:
    if knob not in _REPORTED:
        _REPORTED.add(knob)
        print(f"{knob}: auto takes float32, as bfloat16 {why}", file=sys.stderr)


PRODUCTS = "32"
"""More than the number of shapes in one batch, so blocks after the first reuse products."""


def bound_cache() -> None:
    """Limit the compiled products that oneDNN and torch's wrapper of it keep.

    Each keeps one for every shape, up to 1,024
    (https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html,
    https://github.com/pytorch/pytorch/issues/27971). Few batches have the same length, so memory
    would grow for hours, and the products would not be reused. Call it before the first product:
    the variables are read once.
    """
    for variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(variable, PRODUCTS)
