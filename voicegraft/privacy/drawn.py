"""What each shadow trains on: half of the clips, drawn by units.

A unit is a session, and a whole voice where nothing of it is on two sides: else a clip that was not
drawn would have its like in training, which no clip of test has. Two shadows share out all units,
so that each is in training for one half of all shadows. Of whole voices no shadow trains on some
clips: by them an attacker asks who has other recordings of a voice than those of train.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voicegraft.speech.manifest import Utterance

VOICE, SESSION = "voice", "session"
ONE_ASIDE_IN = 3


@dataclass(frozen=True)
class Drawn:
    """The clips of each shadow.

    Args:
        units: of the shadows, (shadows, clips) of bool: whether the clip's unit is in training.
        whole: whether it is a clip of a whole voice, (clips,) of bool.
        aside: whether no shadow trains on it, (clips,) of bool.
    """

    units: np.ndarray
    whole: np.ndarray
    aside: np.ndarray

    @property
    def lessons(self) -> np.ndarray:
        """What each shadow trains on, (shadows, clips) of bool."""
        return self.units & ~self.aside


def draw(clips: Sequence[Utterance], shadows: int, seed: int) -> Drawn:
    """Return what an even number of shadows train on."""
    units = np.array(units_of(clips))
    whole = np.char.startswith(units, VOICE)
    rng, aside = np.random.default_rng(seed), np.zeros(len(clips), bool)
    for voice in np.unique(units[whole]):
        own = rng.permutation(np.flatnonzero(units == voice))
        aside[own[: len(own) // ONE_ASIDE_IN]] = True
    return Drawn(halves(units, shadows, seed), whole, aside)


def units_of(clips: Sequence[Utterance]) -> list[str]:
    """Return the unit of each clip: its session, or its voice if that is on one side alone."""
    sides: dict[str, set[str]] = {}
    for clip in clips:
        sides.setdefault(clip.speaker, set()).add(clip.split)
    whole = {voice for voice, found in sides.items() if voice and len(found) == 1}
    return [
        f"{VOICE} {c.speaker}" if c.speaker in whole else f"{SESSION} {c.session or c.id}"
        for c in clips
    ]


def halves(units: Sequence[str], shadows: int, seed: int) -> np.ndarray:
    """Return which clips each shadow has, (shadows, clips) of bool: `shadows` is even."""
    names, place = np.unique(units, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(shadows // 2):
        first = np.zeros(len(names), bool)
        first[rng.permutation(len(names))[: len(names) // 2]] = True
        drawn += [first, ~first]
    return np.stack(drawn)[:, place]
