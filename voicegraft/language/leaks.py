"""Sentences that are scored, and near copies of them, in texts for a language model.

A model that has seen a sentence of test predicts it too well. A sentence of the texts leaks if

- it is a scored sentence;
- or it shares a run of RUN words with one;
- or SIMILAR of its characters, or of its words if both have RUN, are those of one, by edits;
- or the shorter of both has LEAST characters, and SIMILAR of them are in a part of the longer:
  words around a sentence, or a piece of it, hide nothing.

Only pairs that share at least SHARED of the shorter's runs of GRAM characters are compared so.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

RUN = 5
LEAST = 20
SIMILAR = 0.8
GRAM = 4
SHARED = 0.2
AT_ONCE = 5_000

Words = Sequence[str]


class Scored:
    """Sentences that are scored, which no text for a model may hold.

    Args:
        sentences: as words, normalised as the texts are.
    """

    def __init__(self, sentences: Iterable[Words]):
        found = sorted({tuple(words) for words in sentences if words})
        self._words = found
        self._lines = [" ".join(words) for words in found]
        self._whole = set(found)
        self._runs = {run for words in found for run in _runs(words)}
        grams = {line[i : i + GRAM] for line in self._lines for i in range(len(line) - GRAM + 1)}
        self._grams = sorted(grams)

    def leaks(self, texts: Sequence[Words]) -> np.ndarray:
        """Return which of `texts` leak, (texts,) bool."""
        found = np.array([self._copied(tuple(words)) for words in texts], bool)
        if self._grams:
            for first in range(0, len(texts), AT_ONCE):
                found[first + self._near(texts[first : first + AT_ONCE])] = True
        return found

    def _copied(self, words: tuple[str, ...]) -> bool:
        return words in self._whole or any(run in self._runs for run in _runs(words))

    def _near(self, texts: Sequence[Words]) -> np.ndarray:
        """Return the indices of texts that are like a scored sentence, or a part of one."""
        lines = [" ".join(words) for words in texts]
        ours = np.array([len(line) for line in lines])
        theirs = np.array([len(line) for line in self._lines])
        shared = (self._counted(lines) @ self._counted(self._lines).T).tocoo()
        shorter = np.minimum(ours[shared.row], theirs[shared.col])
        longer = np.maximum(ours[shared.row], theirs[shared.col])
        # With a third less of the characters, no edits are few enough.
        comparable = (shorter >= LEAST) | (shorter >= longer * SIMILAR / (2 - SIMILAR))
        kept = comparable & (shared.data >= SHARED * (shorter - GRAM + 1))
        pairs = zip(shared.row[kept].tolist(), shared.col[kept].tolist(), strict=True)
        return np.array(
            [i for i, j in pairs if _alike(lines[i], self._lines[j], texts[i], self._words[j])], int
        )

    def _counted(self, lines: Sequence[str]) -> csr_array:
        """Return which runs of characters each line has, (lines, runs)."""
        counter = CountVectorizer(
            analyzer="char",
            ngram_range=(GRAM, GRAM),
            vocabulary=self._grams,
            binary=True,
            lowercase=False,
            dtype=np.int32,
        )
        return counter.transform(lines)


def _runs(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (words[i : i + RUN] for i in range(len(words) - RUN + 1))


def _alike(line: str, other: str, words: Words, other_words: Words) -> bool:
    """Return whether one of two lines is nearly the other, or a part of it."""
    percent = 100 * SIMILAR
    if fuzz.ratio(line, other, score_cutoff=percent):
        return True
    if min(len(line), len(other)) >= LEAST:
        if fuzz.partial_ratio(line, other, score_cutoff=percent):
            return True
    both = min(len(words), len(other_words)) >= RUN
    return both and Levenshtein.normalized_similarity(words, other_words) >= SIMILAR
