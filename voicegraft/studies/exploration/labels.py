"""Confident learning: cross-validated label probabilities find doubtful labels.

Logistic regression says of each clip's mean state which label it has, fitted on other clips; where
it is sure of another than the one given, the label is doubtful (Northcutt et al. 2021,
https://arxiv.org/abs/1911.00068).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voicegraft.studies.exploration.units import ONE_THREAD

FOLDS = 5
INVERSE_PENALTY = 0.01
"""Strong: an unsure judge that was taught a few wrong labels does not learn them by heart."""
STEPS = 500


@dataclass(frozen=True)
class Judged:
    """What logistic regression, fitted on other clips, says of each clip's label."""

    names: np.ndarray  # the labels there are, sorted
    given: np.ndarray  # (clips,), their numbers
    probabilities: np.ndarray  # (clips, labels)

    @property
    def confidence(self) -> np.ndarray:
        """How probable the given label is, (clips,): the order of suspects."""
        return self.probabilities[np.arange(len(self.given)), self.given]

    @property
    def suggested(self) -> np.ndarray:
        """The most probable label, (clips,)."""
        return self.probabilities.argmax(1)

    @property
    def likely_wrong(self) -> np.ndarray:
        """Whether the clip is counted as mislabelled, (clips,): off the confident joint's diagonal.

        Another label is as probable as it is, on average, for clips that bear it.
        """
        usual = np.array([self.confidence[self.given == k].mean() for k in range(len(self.names))])
        reached = np.where(self.probabilities >= usual, self.probabilities, -1.0)
        return (reached.max(1) >= 0) & (reached.argmax(1) != self.given)

    def loss(self, which: np.ndarray) -> float:
        """Return the mean of the negative log-probabilities of given labels, of clips `which`."""
        return float(-np.log(self.confidence[which].clip(1e-12)).mean())


def judgeable(labels: Sequence[str]) -> list[int]:
    """Return the clips whose label has clips enough that each fold is fitted on some."""
    counts = Counter(labels)
    return [i for i, label in enumerate(labels) if counts[label] >= FOLDS]


@ONE_THREAD
def judge(states: np.ndarray, labels: Sequence[str], seed: int) -> Judged:
    """Return what is to be thought of the labels of clips.

    Args:
        states: the mean of each clip's states, (clips, size).
        labels: of the clips; each of at least FOLDS.
        seed: of the folds.

    Raises:
        ValueError: if there are fewer than two labels.
    """
    names, given = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"no two labels have {FOLDS} clips each: nothing to judge them by")
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=STEPS)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    probabilities = cross_val_predict(
        make_pipeline(StandardScaler(), regression),
        states,
        given,
        cv=folds,
        method="predict_proba",
    )
    return Judged(names, given, probabilities)
