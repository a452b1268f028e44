"""Read the tensors of a CTranslate2 model.bin, without CTranslate2 and without unpickling.

The format is that of `python/ctranslate2/specs/model_spec.py` in OpenNMT/CTranslate2. All numbers
are little-endian: u32 version, name of the spec, u32 revision, u32 count, and for each variable its
name, u8 rank, u32 dimensions, u8 type, u32 size in bytes, data. A string is a u16 length, then that
many bytes, the last of them NUL.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from voicegraft.weights.tensors import WeightsError

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_ctranslate2(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the variables whose names start with `prefix`, in their stored types.

    Raises:
        WeightsError: if the file is not a model.bin, or ends too early.
    """
    try:
        with open(path, "rb") as file:
            return dict(_variables(file, prefix))
    except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
        raise WeightsError(f"{path} is not a whole CTranslate2 model.bin: {error}") from None


def _variables(file: BinaryIO, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    _number(file, "I"), _string(file), _number(file, "I")  # version, spec, revision
    for _ in range(_number(file, "I")):
        name = _string(file)
        shape = [_number(file, "I") for _ in range(_number(file, "B"))]
        dtype = np.dtype(DTYPES[_number(file, "B")])
        size_bytes = _number(file, "I")
        data = file.read(size_bytes)
        if len(data) < size_bytes:  # of a variable that is passed over too
            raise ValueError(f"it ends within {name}")
        if name.startswith(prefix):
            yield name, np.frombuffer(data, dtype).reshape(shape)


def _number(file: BinaryIO, kind: str) -> int:
    layout = struct.Struct("<" + kind)
    return layout.unpack(file.read(layout.size))[0]


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "H"))[:-1].decode()
