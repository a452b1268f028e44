"""Confident learning: cross-validated label probabilities find doubtful labels.

Logistic regression, fitted on other clips, predicts each clip's label from its mean state. If
another label than the given one has high probability, the label is doubtful (Northcutt et al. 2021,
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
"""Strong, so that a few wrong labels are not memorised."""
STEPS = 500


@dataclass(frozen=True)
class Judged:
    """Cross-validated label probabilities of clips."""

    names: np.ndarray  # the labels, sorted
    given: np.ndarray  # indices of given labels, (clips,)
    probabilities: np.ndarray  # (clips, labels)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the given label, (clips,)."""
        return self.probabilities[np.arange(len(self.given)), self.given]

    @property
    def suggested(self) -> np.ndarray:
        """The most probable label, (clips,)."""
        return self.probabilities.argmax(1)

    @property
    def likely_wrong(self) -> np.ndarray:
        """Whether a label is probably wrong, (clips,): off the diagonal of the confident joint.

        The probability of another label reaches its average over the clips with that label.
        """
        usual = np.array([self.confidence[self.given == k].mean() for k in range(len(self.names))])
        reached = np.where(self.probabilities >= usual, self.probabilities, -1.0)
        return (reached.max(1) >= 0) & (reached.argmax(1) != self.given)

    def loss(self, which: np.ndarray) -> float:
        """Return the mean negative log-probability of the given labels of clips `which`."""
        return float(-np.log(self.confidence[which].clip(1e-12)).mean())


def judgeable(labels: Sequence[str]) -> list[int]:
    """Return the indices of clips whose label has at least FOLDS clips."""
    counts = Counter(labels)
    return [i for i, label in enumerate(labels) if counts[label] >= FOLDS]


@ONE_THREAD
def judge(states: np.ndarray, labels: Sequence[str], seed: int) -> Judged:
    """Return cross-validated label probabilities.

    Args:
        states: the mean of each clip's states, (clips, size).
        labels: of the clips; each label has at least FOLDS clips.
        seed: of the folds.

    Raises:
        ValueError: if there are fewer than two labels.
    """
    names, given = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"fewer than two labels have {FOLDS} clips each")
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
