"""Which clips stand or fall together: the unit that the bootstrap resamples."""

from collections.abc import Sequence
from typing import Protocol

UNITS = ("session", "speaker", "utterance")
"""From coarse to fine; the coarsest one that yields enough blocks is taken."""

FEWEST_BLOCKS = 5
"""An interval drawn from fewer blocks says more about the blocks than about the model."""


class Clip(Protocol):
    """What an utterance of the manifest and a line of utterances.csv share."""

    id: str
    speaker: str
    session: str


def choose_blocks(clips: Sequence[Clip]) -> tuple[str, list[str]]:
    """Return the unit, and the block that each of `clips` belongs to.

    A session or speaker that the corpus does not tell for every clip cannot serve.
    """
    for unit in UNITS[:-1]:
        names = [getattr(clip, unit) for clip in clips]
        if all(names) and len(set(names)) >= FEWEST_BLOCKS:
            return unit, names
    return UNITS[-1], [clip.id for clip in clips]
