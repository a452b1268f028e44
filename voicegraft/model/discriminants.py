"""Linear discriminants by ridge regression on the classes, and their scores for clips left out.

Regression on class indicators gives discriminants (Hastie, Tibshirani and Buja 1994,
https://doi.org/10.1080/01621459.1994.10476866); the penalty shrinks them, so that a handful of
clips in many dimensions is enough (regularised least squares, Rifkin, Yeo and Poggio 2003). In the
dual form the scores of a group of clips that is left out need no second fit (Rifkin and Lippert
2007, http://cbcl.mit.edu/publications/ps/MIT-CSAIL-TR-2007-025.pdf), so that any number of groups
costs as much as one fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, solve
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Clips have length 1: the one with the least squared error on groups left out is taken."""
PENALTY, SHARPNESS = 0.1, 10.0
"""Where no group can be left out: a class has clips of one group alone, as with one clip each."""
SHARPEST = 100.0
MOST_CLIPS = 1000
"""Clips drawn to choose both, by the eigenvectors of as large a matrix; the fit has all of them."""
LEAST = 1e-8
"""Lower bound of a deviation."""


@dataclass(frozen=True)
class Discriminants:
    """Scores of clips: unit vectors times `weights`, plus `biases`.

    Attributes:
        mean: of the features, (features,).
        scale: their deviations, (features,).
        weights: (features, classes).
        biases: (classes,).
        penalty: the one that was taken.
        sharpness: factor from scores to logits.
        left_out: scores of each drawn clip without its group, (clips, classes), or None if a class
            has clips of one group alone.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    penalty: float
    sharpness: float
    left_out: np.ndarray | None

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return logits, (clips, classes)."""
        unit = unit_vectors((features - self.mean) / self.scale)
        return self.sharpness * (unit @ self.weights + self.biases)


def unit_vectors(features: np.ndarray) -> np.ndarray:
    """Return each row with length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), LEAST)


def fit(features: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> Discriminants:
    """Return the discriminants of `features`, (clips, features).

    All classes weigh the same, however many clips they have.

    Args:
        features: of any scale.
        targets: the class of each clip, (clips,), from 0, each at least once.
        groups: what is left out together, to choose the penalty and the sharpness.
    """
    mean, scale = features.mean(0), np.maximum(features.std(0), LEAST)
    unit = unit_vectors((features - mean) / scale)
    wanted, noise = _wanted(targets), np.sqrt(_noise(targets))[:, None]
    kept = drawn(targets, MOST_CLIPS)
    penalty, sharpness, left_out = _chosen(unit[kept], targets[kept], np.asarray(groups)[kept])
    # Divided by its noise, a clip has the same penalty as any other.
    rows = np.hstack([unit, np.ones_like(noise)]) / noise
    if rows.shape[0] > rows.shape[1]:
        solved = _solve(rows.T @ rows, penalty, rows.T @ (wanted / noise))
    else:
        solved = rows.T @ _solve(rows @ rows.T, penalty, wanted / noise)
    return Discriminants(mean, scale, solved[:-1], solved[-1], penalty, sharpness, left_out)


def drawn(targets: np.ndarray, most: int) -> np.ndarray:
    """Return indices of about `most` clips at most, as many of each class, in order."""
    if len(targets) <= most:
        return np.arange(len(targets))
    rng, classes = np.random.default_rng(0), np.unique(targets)
    of_classes = [rng.permutation(np.flatnonzero(targets == label)) for label in classes]
    return np.sort(np.concatenate([own[: max(2, most // len(classes))] for own in of_classes]))


def fewest_groups(targets: np.ndarray, groups: Sequence[str]) -> int:
    """Return the number of groups that contain the rarest class."""
    pairs = set(zip(targets.tolist(), groups, strict=True))
    return int(np.bincount([target for target, _ in pairs]).min())


def _wanted(targets: np.ndarray) -> np.ndarray:
    """Return the scores to learn, (clips, classes): all classes are equally likely."""
    classes = targets.max() + 1
    return np.eye(classes)[targets] - 1 / classes


def _noise(targets: np.ndarray) -> np.ndarray:
    """Return for each clip how frequent its class is: 1 if all are."""
    counts = np.bincount(targets)
    return counts[targets] * len(counts) / len(targets)


def _solve(matrix: np.ndarray, penalty: float, wanted: np.ndarray) -> np.ndarray:
    matrix[np.diag_indices_from(matrix)] += penalty
    return solve(matrix, wanted, assume_a="pos")


def _chosen(
    unit: np.ndarray, targets: np.ndarray, groups: np.ndarray
) -> tuple[float, float, np.ndarray | None]:
    """Return the penalty, the sharpness, and the scores of each clip without its group."""
    if fewest_groups(targets, groups) < 2:
        return PENALTY, SHARPNESS, None
    noise, wanted = np.sqrt(_noise(targets))[:, None], _wanted(targets)
    kernel = eigh((unit @ unit.T + 1) / (noise * noise.T))
    residuals = {p: _left_out(*kernel, wanted / noise, groups, p) for p in PENALTIES}
    penalty = min(residuals, key=lambda p: np.square(residuals[p]).sum())
    left_out = wanted - noise * residuals[penalty]
    return penalty, _sharpness(left_out, targets), left_out


def _left_out(
    values: np.ndarray, vectors: np.ndarray, wanted: np.ndarray, groups: np.ndarray, penalty: float
) -> np.ndarray:
    """Return the residuals of each clip without its group, from the kernel's eigenvectors."""
    inverse = (vectors / (values + penalty)) @ vectors.T
    dual, residuals = inverse @ wanted, np.empty_like(wanted)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        residuals[own] = np.linalg.solve(inverse[np.ix_(own, own)], dual[own])
    return residuals


def _sharpness(left_out: np.ndarray, targets: np.ndarray) -> float:
    """Return the factor of the scores that makes the clips left out the likeliest."""

    def loss(factor: float) -> float:
        return -log_softmax(factor * left_out, axis=1)[np.arange(len(targets)), targets].mean()

    return float(minimize_scalar(loss, bounds=(1.0, SHARPEST), method="bounded").x)
