"""Invented scores of clips, in sessions that are harder and easier."""

from pathlib import Path

import numpy as np

from voicegraft.evaluation.blocks import Blocks
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.params import load_params

PARAMS = load_params(Evaluate, "evaluate", Path(__file__).parent.parent / "params.yaml")
CHARACTERS, WORDS = 40, 8


def grouped(names):
    """Return blocks of clips by one unit, given the block of each."""
    return Blocks("session", (tuple(names),))


def scores(rate=0.3, seed=1, clips=240, sessions=20, split="test"):
    """Clips whose difficulty is shared by their session, and edited at about `rate`."""
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(99).gamma(8, 1 / 8, sessions)
    found = []
    for number in range(clips):
        session = number % sessions
        edits = int(rng.binomial(CHARACTERS, min(1, rate * hard[session])))
        found.append(
            Score(
                characters=CHARACTERS,
                character_edits=edits,
                words=WORDS,
                word_edits=min(WORDS, edits),
                id=f"{split}/{number}",
                split=split,
                speaker=f"voice{number // sessions % 2}",
                session=f"session{session}",
                block=f"session{session}",
                seconds=1.0 + number % 7,
                unknown_characters=0,
            )
        )
    return found
