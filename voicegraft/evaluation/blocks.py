"""Blocks of clips with correlated errors: the units that the bootstrap resamples.

Of nested units the coarser one is resampled: if each session has one speaker, errors in two
sessions of a speaker are still correlated, and an interval over sessions is too narrow. If sessions
and speakers cross, neither contains the other. Connected components would usually leave one block,
so speakers, sessions and their cells are resampled separately: `voicegraft.evaluation.interval`
adds the variances of the two and subtracts that of the cells, which both include (Cameron, Gelbach
and Miller 2011, doi:10.1198/jbes.2010.07136). The pigeonhole bootstrap (Owen 2007,
doi:10.1214/07-AOAS122) counts the variance of cells three times: if few sessions are shared, its
intervals are up to 1.7 times as wide.
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
"""An interval from fewer blocks is rough."""


class Clip(Protocol):
    """Common fields of an utterance of the manifest and a line of utterances.csv."""

    id: str
    speaker: str
    session: str


@dataclass(frozen=True)
class Blocks:
    """The blocks of some clips."""

    unit: str
    """speaker, session, utterance, or `CROSSED`."""
    ways: tuple[tuple[str, ...], ...]
    """The block of each clip, (clips,), by the unit; for crossed units by speaker, session and
    cell. If there are few blocks, single clips are a further way: few blocks may be alike by
    chance, and the interval must not be narrower than that of the finest way.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The block of each clip; for crossed units, the cell."""
        return self.ways[-1] if self.unit == CROSSED else self.ways[0]

    @property
    def units(self) -> tuple[tuple[str, ...], ...]:
        """The block of each clip, (clips,), by each chosen unit; two if they cross."""
        return self.ways[:2] if self.unit == CROSSED else self.ways[:1]

    @property
    def folded(self) -> tuple[str, ...]:
        """Groups for cross-validation: by the unit with the most blocks."""
        return max(self.units, key=lambda way: len(set(way)))

    @cached_property
    def sizes(self) -> tuple[np.ndarray, ...]:
        """Number of clips in each block, for each unit: (blocks,)."""
        return tuple(np.unique(way, return_counts=True)[1] for way in self.units)

    @property
    def count(self) -> int:
        """Number of blocks, of the unit with the fewest."""
        return min(map(len, self.sizes))

    @property
    def rough(self) -> bool:
        """Whether the interval's coverage may be below its confidence.

        Some unit has few blocks, or neither speakers nor sessions are known.
        """
        return self.count < FEWEST_BLOCKS or self.unit == UTTERANCE

    @cached_property
    def leading(self) -> np.ndarray:
        """Number of clips in each block of the unit that determines the interval's width.

        Its shape is (blocks,). Of crossed units it is the one with fewer blocks. One with fewer
        than `FEWEST_BLOCKS` is skipped if the other has enough, because an interval from two
        speakers would cover every rate. The interval is then valid for these speakers only, and is
        rough.
        """
        enough = [sizes for sizes in self.sizes if len(sizes) >= FEWEST_BLOCKS]
        return min(enough or self.sizes, key=_as_good_as)

    @property
    def effective(self) -> float:
        """The effective number of leading blocks, if all had the same size."""
        return _as_good_as(self.leading)

    def of(self, kept: Sequence[bool]) -> "Blocks":
        """Return the blocks of the clips with a true value in `kept`, (clips,)."""
        return Blocks(self.unit, tuple(tuple(compress(way, kept)) for way in self.ways))


def choose_blocks(clips: Sequence[Clip]) -> Blocks:
    """Return the blocks of `clips`.

    A unit is not used if it is unknown for some clip, or the same for all clips: the rate is then
    of that speaker or session.
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

    It gives the degrees of freedom if blocks differ in size: Carter, Schnepel and Steigerwald 2017,
    doi:10.1162/REST_a_00639.
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
