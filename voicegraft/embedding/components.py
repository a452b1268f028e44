"""Principal components of states: what is stored in place of them where disk is dear."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from voicegraft.whole import whole


@dataclass(frozen=True)
class Components:
    """The directions along which the states of a layer vary most.

    Attributes:
        mean: of all states, float32 (size,).
        directions: orthonormal, float32 (components, size).
    """

    mean: np.ndarray
    directions: np.ndarray

    def reduced(self, states: np.ndarray) -> np.ndarray:
        """Return how far (frames, size) states go along each, float32 (frames, components)."""
        return (states.astype(np.float32) - self.mean) @ self.directions.T

    def restored(self, reduced: np.ndarray) -> np.ndarray:
        """Return float16 (frames, size) states of those numbers; what was left out is lost."""
        return (reduced.astype(np.float32) @ self.directions + self.mean).astype(np.float16)


def write_components(path: Path, components: Components) -> None:
    """Write them as safetensors."""
    # It takes the bytes as they lie: a transposed array would come back as another.
    named = {name: np.ascontiguousarray(array) for name, array in vars(components).items()}
    with whole(path) as partial:
        save_file(named, partial)


def read_components(path: Path) -> Components:
    """Return what was written."""
    return Components(**load_file(path))
