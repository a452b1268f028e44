"""Linear mixtures of n-gram models, as one back-off model.

Little text of the corpus predicts its speech better than much text of others, and both together
better than either, if each is a model of its own: interpolated by Jelinek and Mercer 1980, with the
weights that make a text likeliest by expectation maximisation. The mixture has the n-grams of all
its models, and back-off weights by which it sums to 1, as SRILM's -mix-lm (Stolcke 2002).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from voicegraft.language.ngram import END, Level, NGram

ROUNDS = 100
LEAST_LEFT = 1e-9


def best_weights(models: Sequence[NGram], texts: Iterable[Sequence[str]]) -> list[float]:
    """Return the weights, (models,), of the mixture under which `texts` are likeliest.

    Words outside the vocabulary are left out. Each model is taken to have given one word more, so
    that few texts do not give a weight of 0, and none give equal weights.
    """
    texts = list(texts)
    weights = np.full(len(models), 1 / len(models))
    shares = 10 ** np.array([_known_scores(model, texts) for model in models])
    for _ in range(ROUNDS):
        each = weights[:, None] * shares
        given = (each / each.sum(axis=0)).sum(axis=1) + 1
        weights = given / given.sum()
    return weights.tolist()


def _known_scores(model: NGram, texts: Iterable[Sequence[str]]) -> list[float]:
    return [
        score
        for words in texts
        for word, score in zip((*words, END), model.score(words), strict=True)
        if word == END or word in model
    ]


def mixed(models: Sequence[NGram], weights: Sequence[float]) -> NGram:
    """Return the mixture of `models`.

    Args:
        models: with the same vocabulary.
        weights: of each, with the sum 1.

    Raises:
        ValueError: if the vocabularies differ.
    """
    vocabulary = models[0].vocabulary
    if any(model.vocabulary != vocabulary for model in models):
        raise ValueError("models with different vocabularies cannot be mixed")
    levels: list[Level] = []
    for order in range(1, max(model.order for model in models) + 1):
        keys = _all_keys(models, order, levels, len(vocabulary))
        levels.append(Level(keys, np.zeros(len(keys)), np.zeros(len(keys))))
        ngrams = NGram(vocabulary, levels).ngrams(order)
        each = [w * 10 ** log10_of(model, ngrams) for model, w in zip(models, weights, strict=True)]
        shares = np.sum(each, axis=0)
        levels[-1].log10[:] = np.log10(shares)
        if order > 1:
            levels[-2].backoff[:] = _left(shares, ngrams, keys // len(vocabulary), levels)
    return NGram(vocabulary, levels)


def _all_keys(models: Iterable[NGram], order: int, below: Sequence[Level], size: int) -> np.ndarray:
    """Return the keys of the n-grams of any model, over the levels of the mixture below."""
    found = []
    for model in models:
        if model.order >= order:
            ngrams = model.ngrams(order)
            context = rows_of(below, ngrams[:, :-1], size)
            found.append(context * size + ngrams[:, -1])
    return np.unique(np.concatenate(found))


def _left(
    shares: np.ndarray, ngrams: np.ndarray, contexts: np.ndarray, levels: Sequence[Level]
) -> np.ndarray:
    """Return the log10 weight of the order below behind each context, (contexts,)."""
    below, size = levels[-2], len(levels[0].keys)
    lower = 10 ** below.log10[rows_of(levels[:-1], ngrams[:, 1:], size)]
    seen = np.bincount(contexts, shares, len(below.keys))
    seen_below = np.bincount(contexts, lower, len(below.keys))
    left, left_below = 1 - seen, 1 - seen_below
    both = (left > LEAST_LEFT) & (left_below > LEAST_LEFT)
    return np.log10(np.divide(left, left_below, out=np.ones(len(left)), where=both))


def rows_of(levels: Sequence[Level], ngrams: np.ndarray, size: int) -> np.ndarray:
    """Return the row of each n-gram, (n-grams, order), in the level of its order, or -1.

    The row of the empty n-gram is 0. `size` is that of the vocabulary.
    """
    rows = np.zeros(len(ngrams), np.int64)
    for level, words in zip(levels, ngrams.T, strict=False):
        rows = np.where(rows < 0, -1, level.rows(rows * size + words))
    return rows


def log10_of(model: NGram, ngrams: np.ndarray) -> np.ndarray:
    """Return the log10 probability of each n-gram's last word after its others, (n-grams,).

    Args:
        model: of any order.
        ngrams: words as indices, (n-grams, order).
    """
    size, order = len(model.vocabulary), ngrams.shape[1]
    if order > model.order:
        return log10_of(model, ngrams[:, order - model.order :])
    rows = rows_of(model.levels, ngrams, size)
    if order == 1:
        return model.levels[0].log10[rows]
    contexts = rows_of(model.levels, ngrams[:, :-1], size)
    weight = np.where(contexts < 0, 0.0, model.levels[order - 2].backoff[contexts])
    backed_off = weight + log10_of(model, ngrams[:, 1:])
    return np.where(rows < 0, backed_off, model.levels[order - 1].log10[rows])
