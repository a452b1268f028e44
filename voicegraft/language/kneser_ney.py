"""Interpolated modified Kneser–Ney: an n-gram model from counts.

Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling",
https://doi.org/10.1006/csla.1999.0128, as Heafield et al. 2013 do it, "Scalable Modified
Kneser-Ney Language Model Estimation", https://aclanthology.org/P13-2121: three discounts an order;
unigrams are interpolated with a uniform distribution over the vocabulary and `<unk>`. Nothing is
pruned. Words that are listed, and in no text, have no counts: they share in that distribution.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from voicegraft.language.ngram import BEGIN, END, NEVER, RESERVED, Level, NGram

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of an order whose counts give none; KenLM's for --discount_fallback."""


@dataclass(frozen=True)
class _Text:
    """All sequences end to end, each from BEGIN to END."""

    vocabulary: list[str]
    words: np.ndarray  # (positions,) int64, indices in the vocabulary
    places: np.ndarray  # (positions,) int64, within the sequence, from 0
    weights: np.ndarray  # (positions,) int64, how often the sequence counts


@dataclass(frozen=True)
class _Ngrams:
    """The n-grams of one order, sorted by key as in `Level`."""

    keys: np.ndarray  # (n-grams,) int64
    firsts: np.ndarray  # (n-grams,) int64, a position where each ends
    rows: np.ndarray  # (positions,) int64, the n-gram that ends there, or -1 if none does


def estimate(
    sequences: Iterable[Sequence[str]],
    order: int,
    weights: Iterable[int] | None = None,
    listed: Mapping[str, int] | None = None,
) -> NGram:
    """Return the model of `sequences`; its order is smaller if no sequence is so long.

    Args:
        sequences: of tokens; UNKNOWN stands for one that is outside the vocabulary.
        order: the length of the longest n-grams, 1 and up.
        weights: how often each sequence counts, 1 and up; by default once.
        listed: words that are in the vocabulary in any case, with their frequency, or 0.

    Raises:
        ValueError: if there is no sequence, or a token is BEGIN or END.
    """
    text = _read(sequences, weights, listed or {})
    orders = list(_ngrams(text, order))
    size = len(text.vocabulary)
    shares = _before_counts(text.vocabulary, listed or {})
    levels: list[Level] = []
    for n, ngrams in enumerate(orders):
        counts = _adjusted(text, orders, n)
        contexts = ngrams.keys // size if n else np.zeros(size, np.int64)
        lower = shares[orders[n - 1].rows[ngrams.firsts]] if n else shares
        shares, left = _interpolated(counts, contexts, lower, len(levels[-1].keys) if n else 1)
        if n:
            levels[-1].backoff[:] = np.log10(left)
        log10 = np.full(len(shares), NEVER)
        np.log10(shares, out=log10, where=shares > 0)
        levels.append(Level(ngrams.keys, log10, np.zeros(len(shares))))
    return NGram(text.vocabulary, levels)


def _before_counts(vocabulary: Sequence[str], listed: Mapping[str, int]) -> np.ndarray:
    """Return the distribution below the unigrams: uniform, or half of it by listed frequency.

    It is over the vocabulary, (words,), but for BEGIN, which is never predicted.
    """
    uniform = np.full(len(vocabulary), 1 / (len(vocabulary) - 1))
    uniform[RESERVED.index(BEGIN)] = 0
    frequencies = np.array([listed.get(word, 0) for word in vocabulary])
    if not frequencies.any():
        return uniform
    return (uniform + frequencies / frequencies.sum()) / 2


def _read(
    sequences: Iterable[Sequence[str]], weights: Iterable[int] | None, listed: Iterable[str]
) -> _Text:
    """Return the sequences as numbers; the vocabulary is sorted behind RESERVED."""
    ids = {word: i for i, word in enumerate(dict.fromkeys((*RESERVED, *listed)))}
    reserved = frozenset((BEGIN, END))
    words, lengths = array("q"), array("q")
    for tokens in sequences:
        if not reserved.isdisjoint(tokens):
            raise ValueError(f"{BEGIN} and {END} cannot be words of a text")
        words.append(ids[BEGIN])
        words.extend(ids.setdefault(token, len(ids)) for token in tokens)
        words.append(ids[END])
        lengths.append(len(tokens) + 2)
    if not lengths:
        raise ValueError("there is no text for a language model")
    vocabulary = [*RESERVED, *sorted(ids.keys() - set(RESERVED))]
    ranks = np.empty(len(ids), np.int64)
    ranks[[ids[word] for word in vocabulary]] = np.arange(len(ids))
    spans = np.frombuffer(lengths, np.int64)
    starts = np.repeat(np.cumsum(spans) - spans, spans)
    each = np.ones(len(spans), np.int64) if weights is None else np.array(list(weights), np.int64)
    return _Text(
        vocabulary,
        ranks[np.frombuffer(words, np.int64)],
        np.arange(len(words)) - starts,
        np.repeat(each, spans),
    )


def _ngrams(text: _Text, order: int) -> Iterator[_Ngrams]:
    """Yield the n-grams of each order, as far as there are any."""
    size = len(text.vocabulary)
    firsts = np.zeros(size, np.int64)
    firsts[text.words] = np.arange(len(text.words))
    rows = text.words
    yield _Ngrams(np.arange(size), firsts, rows)
    for n in range(2, order + 1):
        ends = np.flatnonzero(text.places >= n - 1)
        if not len(ends):
            return
        found = rows[ends - 1] * size + text.words[ends]
        keys, firsts, inverse = np.unique(found, return_index=True, return_inverse=True)
        rows = np.full(len(rows), -1)
        rows[ends] = inverse
        yield _Ngrams(keys, ends[firsts], rows)


def _adjusted(text: _Text, orders: Sequence[_Ngrams], n: int) -> np.ndarray:
    """Return the counts of `orders[n]` that Kneser–Ney smooths, (n-grams,) int64.

    It is how often an n-gram of the highest order occurs, or one that begins a sequence; of the
    others, how many words come before it. BEGIN has none.
    """
    ngrams = orders[n]
    ends = np.flatnonzero(ngrams.rows >= 0)
    size = len(ngrams.keys)
    counts = np.bincount(ngrams.rows[ends], text.weights[ends], size).astype(np.int64)
    if n + 1 < len(orders):
        before = np.bincount(ngrams.rows[orders[n + 1].firsts], minlength=size)
        counts = np.where(text.places[ngrams.firsts] == n, counts, before)
    if n == 0:
        counts[RESERVED.index(BEGIN)] = 0
    return counts


def _interpolated(
    counts: np.ndarray, contexts: np.ndarray, lower: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each n-gram, and the weight of the lower order by context.

    Args:
        counts: adjusted, (n-grams,).
        contexts: the row of the first words of each, (n-grams,).
        lower: the probability of the last words of each in the order below, (n-grams,).
        size: how many contexts there are.
    """
    discounts = discounts_of(counts)[np.minimum(counts, 3)]
    totals = np.bincount(contexts, counts, size)
    left = np.ones(size)
    np.divide(np.bincount(contexts, discounts, size), totals, out=left, where=totals > 0)
    return (counts - discounts) / totals[contexts] + left[contexts] * lower, left


def discounts_of(counts: np.ndarray) -> np.ndarray:
    """Return what is taken from counts of 0, 1, 2, and 3 and more, (4,).

    Equation 26 of Chen and Goodman, or FALLBACK if no n-gram has one of the counts 1 to 3, as in a
    tiny text, or if a discount is not above 0.
    """
    with_count = np.bincount(np.minimum(counts, 5), minlength=6)
    if with_count[1:4].all():
        share = with_count[1] / (with_count[1] + 2 * with_count[2])
        j = np.arange(1, 4)
        found = j - (j + 1) * share * with_count[2:5] / with_count[1:4]
        if (found > 0).all():
            return np.array([0, *found])
    return np.array([0, *FALLBACK])
