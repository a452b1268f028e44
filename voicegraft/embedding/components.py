"""The directions along which the states of a layer vary most."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from voicegraft.pipeline.files import DamagedError, whole_apart


@dataclass(frozen=True)
class Components:
    """Principal components of a layer.

    Attributes:
        mean: mean of all states, float32 (size,).
        directions: orthonormal, float32 (components, size).
    """

    mean: np.ndarray
    directions: np.ndarray

    def reduced(self, states: np.ndarray) -> np.ndarray:
        """Project states (frames, size) to coordinates, float32 (frames, components)."""
        return (states.astype(np.float32) - self.mean) @ self.directions.T

    def restored(self, reduced: np.ndarray) -> np.ndarray:
        """Return states, float16 (frames, size), from coordinates (frames, components)."""
        return (reduced.astype(np.float32) @ self.directions + self.mean).astype(np.float16)


def write_components(path: Path, components: Components) -> None:
    """Write them as safetensors."""
    # safetensors writes the memory as it is: a transposed view would be read back wrongly.
    named = {name: np.ascontiguousarray(array) for name, array in vars(components).items()}
    with whole_apart(path) as partial:
        save_file(named, partial)


def read_components(path: Path) -> Components:
    """Return what was written.

    Raises:
        DamagedError: if it is no more there.
    """
    try:
        return Components(**load_file(path))
    except (SafetensorError, TypeError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from None


def components_file(folder: Path, layer: int) -> Path:
    """Return the file of the principal components of `layer`."""
    return folder / f"components_{layer}.safetensors"
