"""Texts against pooled states: two signs of a wrong text, letters and pace.

Each sign is a number that grows with the doubt. *Letters*: ridge regression, fitted on other
sessions, predicts the letters of a clip from its mean state. If the averages of all clips predict a
text better, the text is doubtful. This detects swapped texts, but not truncated ones. *Pace*: the
number of characters against clips of the same length. This detects truncated texts.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import HuberRegressor

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.exploration.units import ONE_THREAD
from voicegraft.studies.probe import errors, letter_shares


@ONE_THREAD
def letters_against(states: np.ndarray, clips: Sequence[Utterance]) -> np.ndarray:
    """Return how much worse each clip's states predict its letters than averages do, (clips,).

    All letters have equal weight. A clip is weighted by its length, as shares of long texts vary
    less.

    Args:
        states: the mean of each clip's states, (clips, size).
        clips: whose text is not empty.
    """
    shares = letter_shares([clip.text for clip in clips])
    predicted, average = errors(states, shares / shares.std(0), choose_blocks(clips).folded)
    return (predicted - average) * [len(clip.text) for clip in clips]


def pace_against(clips: Sequence[Utterance]) -> np.ndarray:
    """Return the deviation of each clip's number of characters from the one predicted by length.

    It has the shape (clips,) and is the absolute difference of natural logarithms: 0.7 is twice or
    half as many. Silence at the ends makes short clips slower, so a line is fitted to both
    logarithms, with Huber's loss, which is robust to errors.
    """
    seconds = np.log([[clip.seconds] for clip in clips])
    characters = np.log([len(clip.text) for clip in clips])
    return np.abs(characters - HuberRegressor().fit(seconds, characters).predict(seconds))


def in_deviations(doubt: np.ndarray) -> np.ndarray:
    """Return robust deviations above the median, which make signs of any unit comparable."""
    centred = doubt - np.median(doubt)
    return centred / max(1.4826 * np.median(np.abs(centred)), 1e-12)
