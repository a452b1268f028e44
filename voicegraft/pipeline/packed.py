"""One large array on disk: written piece by piece, read by memory map.

DVC needs seconds for thousands of small files at every command, and none for one .npy, which any
tool can read. The writer holds one piece in memory at a time, and the file gets its name when it is
complete.
"""

import io
import math
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.lib import format as npy

from voicegraft.pipeline.files import reading, whole

HEADER_BYTES = 128


class PackedWriter:
    """Write arrays along the first axis of a .npy file, end to end or at given rows.

        with PackedWriter(path, np.float16, (512,)) as states:
            first = states.append(clip)      # (frames, 512); `first` is its first row
            states.put(900, clip)            # rows that are not written are zero

    The file appears under its name when the block ends without an error; else nothing is left.
    """

    def __init__(self, path: Path, dtype: np.typing.DTypeLike, row_shape: tuple[int, ...] = ()):
        self.path, self.dtype, self.row_shape = path, np.dtype(dtype), row_shape
        self.rows = 0

    def __enter__(self) -> "PackedWriter":
        with ExitStack() as stack:
            self._file = stack.enter_context(open(stack.enter_context(whole(self.path)), "wb"))
            self._write_header()
            self._stack = stack.pop_all()
        return self

    def append(self, array: np.ndarray) -> int:
        """Write `array`, shape (rows, *row_shape), and return the index of its first row."""
        first = self.rows
        self.put(first, array)
        return first

    def put(self, first: int, array: np.ndarray) -> None:
        """Write `array`, shape (rows, *row_shape), from row `first` on."""
        if array.shape[1:] != self.row_shape:
            raise ValueError(f"{self.path}: rows are {self.row_shape}, not {array.shape[1:]}")
        self._file.seek(HEADER_BYTES + first * self.dtype.itemsize * math.prod(self.row_shape))
        try:
            self._file.write(np.ascontiguousarray(array, self.dtype).data)
        except OSError as error:  # of several files, the name of the one that is full
            error.filename = str(self.path)
            raise
        self.rows = max(self.rows, first + len(array))

    def read(self, first: int, rows: int) -> np.ndarray:
        """Return some of the rows that were written, (rows, *row_shape)."""
        self._file.flush()
        return _read(self._file.name, self.dtype, self.row_shape, first, rows, HEADER_BYTES)

    def _write_header(self) -> None:
        self._file.seek(0)
        self._file.write(_header(self.dtype, (self.rows, *self.row_shape)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._write_header()


class PackedFile:
    """A .npy file whose dtype and shape are known beforehand: a part of an array of many files.

    It is opened for each read or write: a corpus may have more of them than a process may open.
    """

    def __init__(self, path: Path, dtype: np.typing.DTypeLike, shape: tuple[int, ...]):
        self.path, self.dtype, self.shape = path, np.dtype(dtype), shape

    def create(self) -> None:
        """Make the file: all rows are zero."""
        with open(self.path, "wb") as file:
            file.write(_header(self.dtype, self.shape))
            file.truncate(self._place(self.shape[0]))

    def put(self, first: int, array: np.ndarray) -> None:
        """Write `array`, shape (rows, *row_shape), from row `first` on."""
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(self._place(first))
            left = memoryview(np.ascontiguousarray(array, self.dtype)).cast("B")
            while left:
                left = left[file.write(left) :]

    def rows(self, first: int, rows: int) -> np.ndarray:
        """Return some rows, (rows, *row_shape), read without a memory map: see `read_rows`."""
        place = first, rows, HEADER_BYTES
        return _read(str(self.path), self.dtype, self.shape[1:], *place)

    def ahead(self, first: int, rows: int) -> None:
        """Let the system read some rows into its memory meanwhile, where it can."""
        if hasattr(os, "posix_fadvise"):
            with open(self.path, "rb", buffering=0) as file:
                start, end = self._place(first), self._place(first + rows)
                os.posix_fadvise(file.fileno(), start, end - start, os.POSIX_FADV_WILLNEED)

    def check(self) -> None:
        """Raise DamagedError unless the file has this dtype, this shape and their length."""
        with reading(self.path), open(self.path, "rb", buffering=0) as file:
            if file.read(HEADER_BYTES) != _header(self.dtype, self.shape):
                raise ValueError(f"it is no array {self.shape} of {self.dtype}")
            if os.fstat(file.fileno()).st_size != self._place(self.shape[0]):
                raise ValueError(f"its header says {self.shape}, which is not its length")

    def _place(self, row: int) -> int:
        return HEADER_BYTES + row * self.dtype.itemsize * math.prod(self.shape[1:])


def _header(dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    """Return the header, which NumPy pads so that the row count can grow in place."""
    facts = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file := io.BytesIO(), facts)
    assert file.tell() == HEADER_BYTES, "the header must not grow over the data"
    return file.getvalue()


def read_packed(path: Path) -> np.memmap:
    """Return the array of shape (rows, ...), mapped: only what is read is loaded.

    Raises:
        DamagedError: if the file is no such array, or not as long as it says.
    """
    with reading(path):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if path.stat().st_size != array.offset + array.nbytes:
            raise ValueError(f"its header says {array.shape}, which is not its length")
        return array


def read_rows(packed: np.memmap, first: int, rows: int) -> np.ndarray:
    """Return a copy of some rows of an array from `read_packed`, read without the memory map.

    Pages of a map stay in the process's memory as long as there is room: a pass over a corpus would
    appear to need its whole size.
    """
    place = first, rows, packed.offset
    return _read(packed.filename, packed.dtype, packed.shape[1:], *place)


def _read(
    path: str, dtype: np.dtype, row_shape: tuple[int, ...], first: int, rows: int, header: int
) -> np.ndarray:
    row = math.prod(row_shape)
    values = np.fromfile(path, dtype, rows * row, offset=header + first * row * dtype.itemsize)
    return values.reshape(rows, *row_shape)
