"""Accuracy from a few clips of each class, drawn many times.

Each measure of confidence takes (features of labelled clips, their labels, features of others) and
returns the predicted class and the confidence of the others; scales differ, larger is more
confident.

Intervals resample the blocks of the scored clips, and the draws of training clips.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from tqdm import tqdm

from voicegraft.evaluation.classes.f1 import class_counts, rated, resampled
from voicegraft.evaluation.classes.summary import RATES
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model import discriminants
from voicegraft.studies.features import Clips, chosen_columns

C = 0.1
"""Inverse strength of the L2 penalty: features are standardised, and more numerous than clips of a
class."""

Sure = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def probability(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence by the largest probability.

    Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136.
    """
    model = _logistic(features, labels)
    log_p = model.predict_log_proba(others)
    return model.classes_[log_p.argmax(1)], np.exp(log_p.max(1))


def energy(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence by the negative energy, the logarithm of the softmax's denominator.

    Liu et al. 2020, https://arxiv.org/abs/2010.03759.
    """
    model = _logistic(features, labels)
    logits = _logits(model, others)
    return model.classes_[logits.argmax(1)], logsumexp(logits, axis=1)


def cosine(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence by the cosine of the nearest class mean."""
    classes = np.unique(labels)
    means = np.stack([features[labels == name].mean(0) for name in classes])
    similar = cosine_similarity(others, means)
    return classes[similar.argmax(1)], similar.max(1)


MEASURES: dict[str, Sure] = {"probability": probability, "energy": energy, "cosine": cosine}


def _logistic(features: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=C, max_iter=1_000).fit(features, labels)


def _logits(model: LogisticRegression, features: np.ndarray) -> np.ndarray:
    """Return (clips, classes); for two classes scikit-learn keeps only the difference."""
    found = model.decision_function(features)
    return np.stack([-found / 2, found / 2], axis=1) if found.ndim == 1 else found


Classify = Callable[[Clips, np.ndarray], Sequence[str]]
"""(some clips, features of others) → labels of the others."""


def by_discriminants(taught: Clips, others: np.ndarray) -> np.ndarray:
    """Return the predicted class of each of `others`, by shrunken discriminants.

    Where there are several views of the features, the clips of `taught` choose one.
    """
    columns = chosen_columns(taught)
    classes, targets = np.unique(taught.labels, return_inverse=True)
    features = taught.features[:, columns].astype(np.float64)
    found = discriminants.fit(features, targets, taught.groups)
    return classes[found(others[:, columns]).argmax(1)]


def few_shot(
    train: Clips,
    test: Clips,
    classify: Classify,
    shots: Sequence[int],
    draws: int,
    params: Evaluate,
) -> list[dict[str, float]]:
    """Return a line for each of `shots`: mean accuracy and macro-F1 over draws, with intervals.

    Args:
        train: clips to draw from, without replacement, equally many of each class.
        test: the scored clips, all in each draw.
        classify: predicts labels from drawn clips.
        shots: numbers of clips of each class, at most that of the rarest class: see `rarest`.
        draws: number of draws.
        params: of the bootstrap; its seed is used for the draws too.
    """
    rng = np.random.default_rng(params.seed)
    lines = []
    for count in shots:
        drawn = [draw(train.labels, count, rng) for _ in range(draws)]
        taken_for = [
            classify(train.of(chosen), test.features) for chosen in tqdm(drawn, unit="draw")
        ]
        lines.append({"shots": count, "draws": draws} | _scored(test, taken_for, params))
    return lines


def rarest(labels: Sequence[str]) -> tuple[str, int]:
    """Return the class with the fewest clips, and their number."""
    return min(Counter(labels).items(), key=lambda item: (item[1], item[0]))


def draw(labels: Sequence[str], shots: int, rng: np.random.Generator) -> np.ndarray:
    """Return the indices of `shots` clips of each class, drawn without replacement."""
    names = np.asarray(labels)
    places = (np.flatnonzero(names == name) for name in np.unique(names))
    return np.concatenate([rng.choice(of_class, shots, replace=False) for of_class in places])


def _scored(test: Clips, taken_for: Sequence[Sequence[str]], params: Evaluate) -> dict[str, float]:
    classes = sorted(set(test.labels))
    # All draws in one array, so that a resample has the same blocks for each of them.
    counts = np.stack([class_counts(test.labels, one, classes) for one in taken_for], axis=1)
    drawn = resampled(counts, test.blocks, params)
    which = np.random.default_rng(params.seed).integers(len(taken_for), size=drawn.shape[1:3])
    found: dict[str, float] = {}
    for name, rate in RATES.items():
        each = np.take_along_axis(rate(drawn), which[None], axis=-1).mean(-1)
        found |= rated(name, float(rate(counts.sum(0)).mean()), each, test.blocks, params)
    return found
