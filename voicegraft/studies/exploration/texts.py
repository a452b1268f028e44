"""Texts against pooled states: letters and pace that do not fit.

Two signs, each as a number that grows with the doubt. *Letters*: ridge regression foretells from
the mean of a clip's states, fitted on other sessions, which letters it has; a text that the
averages of all foretell better is not what was said. It sees texts that were swapped, and no lost
half. *Pace*: more or fewer characters than clips of that length have. It sees the lost half.
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
    """Return how much worse than the letters' averages each clip's states foretell its text.

    Letters count alike, however rare; a clip counts by its length: shares of many vary less.

    Args:
        states: the mean of each clip's states, (clips, size).
        clips: whose text is not empty.
    """
    shares = letter_shares([clip.text for clip in clips])
    foretold, average = errors(states, shares / shares.std(0), choose_blocks(clips).folded)
    return (foretold - average) * [len(clip.text) for clip in clips]


def pace_against(clips: Sequence[Utterance]) -> np.ndarray:
    """Return how far each clip's characters are from what its length foretells, (clips,).

    In powers of e, up or down: 0.7 is twice or half as many. Silence at the ends makes short clips
    slower, so the line is fitted to the logarithms of both, by Huber's loss that few errors do not
    bend.
    """
    seconds = np.log([[clip.seconds] for clip in clips])
    characters = np.log([len(clip.text) for clip in clips])
    return np.abs(characters - HuberRegressor().fit(seconds, characters).predict(seconds))


def in_deviations(doubt: np.ndarray) -> np.ndarray:
    """Return how many robust deviations above the median each is: signs of any unit compare."""
    centred = doubt - np.median(doubt)
    return centred / max(1.4826 * np.median(np.abs(centred)), 1e-12)
