"""Read safetensors, JSON and CTranslate2's model.bin, without unpickling; write safetensors.

The format of model.bin is defined in `python/ctranslate2/specs/model_spec.py` in
OpenNMT/CTranslate2. All numbers are little-endian: u32 version, name of the spec, u32 revision, u32
count, and for each variable its name, u8 rank, u32 dimensions, u8 type, u32 size in bytes, data. A
string is a u16 length, followed by that many bytes, the last of which is NUL.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from pydantic import JsonValue
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from voicegraft.pipeline.files import whole_apart

Names = Mapping[str, Sequence[str | None]]
"""For each of our tensors, the stored tensors to stack; None stands for zeros."""


class WeightsError(ValueError):
    """A weights file is damaged or has another format."""


def read_json(path: Path) -> dict[str, JsonValue]:
    """Return the content of a JSON file beside weights.

    Raises:
        WeightsError: if it is missing or not a JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise WeightsError(f"{path} cannot be read: it is no JSON object")
    return found


def read_safetensors(path: Path, prefixes: Sequence[str]) -> dict[str, Tensor]:
    """Return the tensors whose names start with one of `prefixes`, by their names without it.

    Raises:
        WeightsError: if the file is not safetensors, or is truncated.
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
        raise WeightsError(f"{path} is not a complete safetensors file: {error}") from None


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors, which must be contiguous, and at most one entry of metadata, atomically.

    The same tensors give the same bytes; several entries would be in any order.

    Raises:
        OSError: naming the file, if it cannot be written.
    """
    try:
        with whole_apart(path) as partial:
            save_file(dict(tensors), partial, metadata and dict(metadata))
    except SafetensorError as error:
        raise OSError(f"{path}: {error}") from None


def assembled(
    wanted: Mapping[str, Tensor], names: Names, stored: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return a float32 tensor for each of `wanted`, of the same shape, from stored ones.

    Raises:
        WeightsError: naming the first that is missing, quantized, or of another shape.
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


DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_ctranslate2(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the variables whose names start with `prefix`, in their stored types.

    Raises:
        WeightsError: if the file is not a model.bin, or is truncated.
    """
    try:
        with open(path, "rb") as file:
            return dict(_variables(file, prefix))
    except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
        raise WeightsError(f"{path} is not a complete CTranslate2 model.bin: {error}") from None


def _variables(file: BinaryIO, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    _number(file, "I"), _string(file), _number(file, "I")  # version, spec, revision
    for _ in range(_number(file, "I")):
        name = _string(file)
        shape = [_number(file, "I") for _ in range(_number(file, "B"))]
        dtype = np.dtype(DTYPES[_number(file, "B")])
        size_bytes = _number(file, "I")
        # Before it is read, for Python takes the memory that is asked for: up to 4 GB.
        if size_bytes > os.fstat(file.fileno()).st_size - file.tell():
            raise ValueError(f"it ends within {name}")
        data = file.read(size_bytes)
        if name.startswith(prefix):
            yield name, np.frombuffer(data, dtype).reshape(shape)


def _number(file: BinaryIO, kind: str) -> int:
    layout = struct.Struct("<" + kind)
    return layout.unpack(file.read(layout.size))[0]


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "H"))[:-1].decode()
