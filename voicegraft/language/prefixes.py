"""How likely it is, by CTC, that a text begins in some way.

Prefix scores of hybrid CTC/attention decoding, Hori, Watanabe and Hershey 2017,
https://aclanthology.org/P17-1048, algorithm 2; here for all frames and many texts at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voicegraft.model import ctc

NEVER = -1e30


@dataclass(frozen=True)
class Prefixes:
    """Beginnings of texts by CTC.

    Attributes:
        ending: ln p that the frames up to each spell just this, with a label and with a blank at
            the end, (texts, frames, 2).
        last: the last label of each, (texts,); the blank where there is none.
        scores: ln p that a text begins so, (texts,).
    """

    ending: np.ndarray
    last: np.ndarray
    scores: np.ndarray

    def __getitem__(self, places: Sequence[int]) -> "Prefixes":
        return Prefixes(self.ending[places], self.last[places], self.scores[places])

    def __setitem__(self, places: Sequence[int], new: "Prefixes") -> None:
        self.ending[places], self.last[places], self.scores[places] = (
            new.ending,
            new.last,
            new.scores,
        )

    @property
    def whole(self) -> np.ndarray:
        """Return ln p of each as a whole text, (texts,)."""
        return np.logaddexp(*self.ending[:, -1].T)


def nothing(emission: np.ndarray) -> Prefixes:
    """Return the empty beginning, for emissions (frames, labels)."""
    ending = np.full((1, len(emission), 2), NEVER)
    ending[0, :, 1] = np.cumsum(emission[:, ctc.BLANK])
    return Prefixes(ending, np.array([ctc.BLANK]), np.zeros(1))


def longer(emission: np.ndarray, before: Prefixes, labels: np.ndarray) -> Prefixes:
    """Return beginnings with one label more each, (texts,).

    From frame to frame a label lasts, or follows what was before: p(t) = p(t - 1) q(t) + f(t).
    Divided by the product of all q up to t, that is a running sum.
    """
    same = labels == before.last
    either = np.logaddexp(before.ending[..., 0], before.ending[..., 1])
    free = np.where(same[:, None], before.ending[..., 1], either)
    began = np.where(before.last == ctc.BLANK, 0.0, NEVER)
    spoken = emission[:, labels].T
    first = np.concatenate([began[:, None], free[:, :-1]], 1) + spoken
    by_label = _running(first, np.cumsum(spoken, 1))
    ended = np.concatenate([np.full((len(labels), 1), NEVER), by_label[:, :-1]], 1)
    blank = emission[:, ctc.BLANK]
    by_blank = _running(ended + blank, np.cumsum(blank))
    scores = np.logaddexp.reduce(first, 1)
    return Prefixes(np.stack([by_label, by_blank], 2), labels, scores)


def _running(added: np.ndarray, lasting: np.ndarray) -> np.ndarray:
    """Return ln of p(t) = p(t - 1) q(t) + f(t), given ln f and the sum of ln q up to t."""
    return lasting + np.logaddexp.accumulate(added - lasting, axis=1)
