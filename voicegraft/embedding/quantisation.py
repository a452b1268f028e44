"""The formats in which a store has the states of a clip: half precision, or eight bits a number.

In eight bits each channel of each clip has a scale of its own, as a few channels of a transformer
are a hundred times larger than the others (Dettmers et al. 2022, https://arxiv.org/abs/2208.07339).
Scales lie in two rows before those of the frames, so a clip still depends on nothing but itself.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

FormatName = Literal["float16", "int8"]


class Format(Protocol):
    """How the states of a clip lie in the rows of a shard.

    Attributes:
        dtype: of a row.
        lead: how many rows come before those of the frames.
    """

    dtype: np.dtype
    lead: int

    def packed(self, states: np.ndarray) -> np.ndarray:
        """Return the rows, (lead + frames, size), of states (frames, size)."""
        ...

    def unpacked(self, rows: np.ndarray) -> np.ndarray:
        """Return the states, float16 (frames, size)."""
        ...


@dataclass(frozen=True)
class HalfPrecision:
    """The states themselves, as float16."""

    dtype = np.dtype(np.float16)
    lead = 0

    def packed(self, states: np.ndarray) -> np.ndarray:
        """See `Format`."""
        return states.astype(self.dtype, copy=False)

    def unpacked(self, rows: np.ndarray) -> np.ndarray:
        """See `Format`."""
        return rows


STEPS = 127
LARGEST_SCALE = 515.5
"""So many steps of it are a float16 still."""


@dataclass(frozen=True)
class EightBits:
    """Whole numbers from −127 to 127, times the scale of the channel."""

    dtype = np.dtype(np.int8)
    lead = 2  # a scale has two bytes

    def packed(self, states: np.ndarray) -> np.ndarray:
        """See `Format`."""
        wide = states.astype(np.float32)
        largest = np.abs(wide).max(0, initial=0)
        scale = np.minimum(largest / STEPS, LARGEST_SCALE).astype("<f2")
        steps = np.divide(wide, scale, out=np.zeros_like(wide), where=scale > 0)
        rows = np.rint(steps).clip(-STEPS, STEPS).astype(self.dtype)
        return np.concatenate([scale.view(self.dtype).reshape(self.lead, -1), rows])

    def unpacked(self, rows: np.ndarray) -> np.ndarray:
        """See `Format`."""
        scale = np.ascontiguousarray(rows[: self.lead]).reshape(-1).view("<f2")
        return (rows[self.lead :] * scale.astype(np.float32)).astype(np.float16)


FORMATS: dict[FormatName, Format] = {"float16": HalfPrecision(), "int8": EightBits()}
HALF: FormatName = "float16"
STATES = "states"
"""Where the facts of a store name its format; one that names none is in half precision."""
