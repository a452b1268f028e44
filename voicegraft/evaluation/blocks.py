"""Which clips err together: the units that the bootstrap resamples.

Of nested units the coarser one is resampled: where each session is of one speaker, clips of two
sessions of a speaker still err together, and sessions make an interval too narrow. Where sessions
and speakers cross, neither holds the other. To bond whatever is connected would leave one block as
a rule, so both are resampled, each by itself, and so are the cells where they meet:
`voicegraft.evaluation.interval` adds the variances of the two and takes off that of the cells,
which both have counted (Cameron, Gelbach and Miller 2011, doi:10.1198/jbes.2010.07136). The
pigeonhole bootstrap (Owen 2007, doi:10.1214/07-AOAS122) counts what cells have of their own three
times: that makes intervals up to 1.7 times as wide where few sessions are shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Protocol

import numpy as np

CROSSED = "speaker × session"
UTTERANCE = "utterance"

FEWEST_BLOCKS = 8
"""An interval from fewer blocks says more about the blocks than about the model: it is rough."""


class Clip(Protocol):
    """What an utterance of the manifest and a line of utterances.csv share."""

    id: str
    speaker: str
    session: str


@dataclass(frozen=True)
class Blocks:
    """Some clips, and the block that each belongs to."""

    unit: str
    """speaker, session, utterance, or `CROSSED`."""
    ways: tuple[tuple[str, ...], ...]
    """The block of each clip, (clips,), by the unit; of crossed ones by speaker, session, cell.

    Where blocks are few, single clips come after them: few may be alike by chance, and the interval
    is never narrower than that of the finest way.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The block of each clip; where units cross, the cell."""
        return self.ways[-1] if self.unit == CROSSED else self.ways[0]

    @property
    def units(self) -> tuple[tuple[str, ...], ...]:
        """The block of each clip, (clips,), by each unit that was chosen: two where they cross."""
        return self.ways[:2] if self.unit == CROSSED else self.ways[:1]

    @property
    def folded(self) -> tuple[str, ...]:
        """What is held out together where clips are left out: the unit with most blocks."""
        return max(self.units, key=lambda way: len(set(way)))

    @cached_property
    def sizes(self) -> tuple[np.ndarray, ...]:
        """How many clips each block has, for each unit: (blocks,)."""
        return tuple(np.unique(way, return_counts=True)[1] for way in self.units)

    @property
    def count(self) -> int:
        """How many blocks there are, of the unit that has the fewest."""
        return min(map(len, self.sizes))

    @property
    def rough(self) -> bool:
        """Whether too little is known for an interval that holds as often as it says.

        Blocks of some unit are few, or nobody knows which utterances belong together.
        """
        return self.count < FEWEST_BLOCKS or self.unit == UTTERANCE

    @cached_property
    def leading(self) -> np.ndarray:
        """How many clips each block has of the unit that the interval's width goes by, (blocks,).

        Of crossed units it is the one with fewer blocks. One with fewer than `FEWEST_BLOCKS` is
        passed over where the other has enough, as an interval from two speakers would span all
        that can be: it then speaks of those speakers rather than of any, and is rough.
        """
        enough = [sizes for sizes in self.sizes if len(sizes) >= FEWEST_BLOCKS]
        return min(enough or self.sizes, key=_as_good_as)

    @property
    def effective(self) -> float:
        """How many blocks of one size would be as sure as the leading ones."""
        return _as_good_as(self.leading)

    def of(self, kept: Sequence[bool]) -> "Blocks":
        """Return the blocks of the clips that are kept, (clips,)."""
        return Blocks(self.unit, tuple(tuple(compress(way, kept)) for way in self.ways))


def choose_blocks(clips: Sequence[Clip]) -> Blocks:
    """Return the block that each of `clips` belongs to.

    A session or speaker that the corpus does not tell for every clip cannot serve, and one that all
    clips share is no luck of theirs: the rate is of that voice.
    """
    speakers, sessions = ([getattr(c, unit) for c in clips] for unit in ("speaker", "session"))
    named = {
        unit: tuple(names)
        for unit, names in {"speaker": speakers, "session": sessions}.items()
        if all(names) and len(set(names)) > 1
    }
    if len(named) == 2:
        return _coarser(**named, single=tuple(clip.id for clip in clips))
    single = tuple(clip.id for clip in clips)
    for unit, names in named.items():
        return _of(unit, names, single)
    return Blocks(UTTERANCE, (single,))


def _of(unit: str, names: tuple[str, ...], single: tuple[str, ...]) -> Blocks:
    few = len(set(names)) < FEWEST_BLOCKS
    return Blocks(unit, (names, single) if few else (names,))


def _as_good_as(sizes: np.ndarray) -> float:
    """Return (Σn)² / Σn² of n clips in each block (Kish 1965, Survey Sampling, 8.2).

    Such a number gives the degrees of freedom where blocks differ in size: Carter, Schnepel and
    Steigerwald 2017, doi:10.1162/REST_a_00639.
    """
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def _coarser(speaker: tuple[str, ...], session: tuple[str, ...], single: tuple[str, ...]) -> Blocks:
    cells = set(zip(speaker, session, strict=True))
    if len(cells) == len(set(session)):
        return _of("speaker", speaker, single)
    if len(cells) == len(set(speaker)):
        return _of("session", session, single)
    both = tuple(map(" × ".join, zip(speaker, session, strict=True)))
    return Blocks(CROSSED, (speaker, session, both))
