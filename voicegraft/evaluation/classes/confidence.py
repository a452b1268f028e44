"""How sure it is that a clip is of a class that was learnt: several measures of it.

Each takes (features of labelled clips, their labels, features of others) and returns, for the
others, the class and the confidence, of a scale of its own: larger is surer.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity

C = 0.1
"""Inverse strength of the L2 penalty: features are standardised, and more than clips of a class."""

Sure = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def probability(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Be as sure as the largest probability.

    Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136.
    """
    model = _logistic(features, labels)
    log_p = model.predict_log_proba(others)
    return model.classes_[log_p.argmax(1)], np.exp(log_p.max(1))


def energy(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Be as sure as the logarithm of what the softmax divides by: the negative energy.

    Liu et al. 2020, https://arxiv.org/abs/2010.03759.
    """
    model = _logistic(features, labels)
    logits = _logits(model, others)
    return model.classes_[logits.argmax(1)], logsumexp(logits, axis=1)


def cosine(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Be as sure as the nearest class mean is near, by the cosine."""
    classes = np.unique(labels)
    means = np.stack([features[labels == name].mean(0) for name in classes])
    similar = cosine_similarity(others, means)
    return classes[similar.argmax(1)], similar.max(1)


MEASURES: dict[str, Sure] = {"probability": probability, "energy": energy, "cosine": cosine}


def _logistic(features: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=C, max_iter=1_000).fit(features, labels)


def _logits(model: LogisticRegression, features: np.ndarray) -> np.ndarray:
    """Return (clips, classes); of two classes scikit-learn keeps the difference alone."""
    found = model.decision_function(features)
    return np.stack([-found / 2, found / 2], axis=1) if found.ndim == 1 else found
