"""The receiver operating characteristic of an attack, also in weighted resamples.

The area is the statistic of Mann and Whitney (1947), ties counted by half. An attack is judged at
small false-positive rates, not by the area alone (Carlini et al. 2022,
https://arxiv.org/abs/2112.03570): to be sure of a few members is worse than to guess about all.
"""

import numpy as np

AT_ONCE = 100


class Roc:
    """The curve of scores, (things,), higher where membership is likelier.

    Args:
        scores: see above.
        member: whether each is a member, (things,).
    """

    def __init__(self, scores: np.ndarray, member: np.ndarray):
        self._order = np.argsort(scores, kind="stable")
        ordered = np.asarray(scores)[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._member = np.asarray(member, bool)[self._order]

    def auc(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the area for each row of `weights`, (resamples, things); NaN without a class."""
        return self._by_parts(weights, _area)

    def true_positives(self, rate: float, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the share of members found at `rate` false positives at most, (resamples,)."""

        def found(members: np.ndarray, others: np.ndarray) -> np.ndarray:
            # A sum of weights from the top may differ from the rate by its rounding alone.
            taken = _from_top(others) <= rate * others.sum(1, keepdims=True) + 1e-9
            return (members * taken).sum(1) / members.sum(1)

        return self._by_parts(weights, found)

    def equal_errors(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the rate at which misses and false positives are equal, or nearest to it."""

        def nearest(members: np.ndarray, others: np.ndarray) -> np.ndarray:
            false = _from_top(others) / others.sum(1, keepdims=True)
            missed = 1 - _from_top(members) / members.sum(1, keepdims=True)
            best = np.abs(false - missed).argmin(1)[:, None]
            both = np.take_along_axis(false, best, 1) + np.take_along_axis(missed, best, 1)
            return both[:, 0] / 2

        return self._by_parts(weights, nearest)

    def _by_parts(self, weights: np.ndarray | None, statistic) -> np.ndarray:
        """Return the statistic of some resamples at a time, so that memory does not grow."""
        weights = np.ones((1, len(self._order))) if weights is None else weights
        parts = range(0, len(weights), AT_ONCE)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = [statistic(*self._summed(weights[k : k + AT_ONCE])) for k in parts]
        return np.concatenate(found)

    def _summed(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weight of members, and of others, by distinct score, (resamples, scores)."""
        ordered = weights[:, self._order]
        members = np.add.reduceat(ordered * self._member, self._starts, axis=1)
        return members, np.add.reduceat(ordered * ~self._member, self._starts, axis=1)


def _area(members: np.ndarray, others: np.ndarray) -> np.ndarray:
    below = np.cumsum(others, 1) - others / 2
    return (members * below).sum(1) / (members.sum(1) * others.sum(1))


def _from_top(weights: np.ndarray) -> np.ndarray:
    """Return the weight of each score and of all above, (resamples, scores)."""
    return np.cumsum(weights[:, ::-1], 1)[:, ::-1]
