"""Stored tensors under the names of our own networks, each of the shape that is wanted there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import JsonValue
from safetensors import SafetensorError, safe_open
from torch import Tensor

Names = Mapping[str, Sequence[str | None]]
"""For each tensor of ours, those that are stored for it, one above the other; None is zeros."""


class WeightsError(ValueError):
    """A file of weights is not what its name says."""


def read_json(path: Path) -> dict[str, JsonValue]:
    """Return what a file says that lies beside weights.

    Raises:
        WeightsError: if it is missing, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from None


def read_safetensors(path: Path, prefixes: Sequence[str]) -> dict[str, Tensor]:
    """Return the tensors whose names start with one of `prefixes`, without it.

    Raises:
        WeightsError: if the file is not of safetensors, or ends too early.
    """
    try:
        with safe_open(path, "pt") as file:
            return {
                name.removeprefix(prefix): file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 - no mapping
                for prefix in prefixes
                if name.startswith(prefix)
            }
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a whole file of safetensors: {error}") from None


def assembled(
    wanted: Mapping[str, Tensor], names: Names, stored: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return a float32 tensor for each of `wanted`, of its shape, from those that are stored.

    Raises:
        WeightsError: naming the first that is missing, of whole numbers, or of another shape.
    """
    return {
        ours: torch.cat(
            [_piece(name, stored, _share(own, len(names[ours]))) for name in names[ours]]
        )
        for ours, own in wanted.items()
    }


def _share(own: Tensor, pieces: int) -> tuple[int, ...]:
    return (own.shape[0] // pieces, *own.shape[1:])


def _piece(name: str | None, stored: Mapping[str, Tensor], shape: tuple[int, ...]) -> Tensor:
    if name is None:
        return torch.zeros(shape)
    if name not in stored:
        raise WeightsError(f"it has no {name}")
    tensor = stored[name]
    if not tensor.is_floating_point():
        raise WeightsError(f"{name} is quantized to {tensor.dtype}: take float16 or float32")
    if tuple(tensor.shape) != shape:
        raise WeightsError(f"{name} has the shape {tuple(tensor.shape)}, not {shape}")
    return tensor.float()
