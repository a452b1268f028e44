"""An n-gram model with back-off, and the probability of tokens under it.

The n-grams of each order are sorted keys: the row of an n-gram's first words in the order below,
times the size of the vocabulary, plus its last word. So a model of millions of n-grams is a few
arrays, and a look-up is a binary search.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
RESERVED = (UNKNOWN, BEGIN, END)
"""The first words of every vocabulary, in this order."""
NEVER = -99.0
"""log10 of no probability, as SRILM writes it."""

State = tuple[int, ...]
"""What a model keeps of the tokens before: the rows of their last 0, 1, 2 … tokens by order."""


@dataclass(frozen=True)
class Level:
    """The n-grams of one order, sorted by key."""

    keys: np.ndarray  # (n-grams,) int64, unique and increasing
    log10: np.ndarray  # (n-grams,) of the last word after the others
    backoff: np.ndarray  # (n-grams,) log10 weight of the lower order behind this n-gram

    def row(self, key: int) -> int:
        """Return where `key` is, or -1."""
        place = int(self.keys.searchsorted(key))
        return place if place < len(self.keys) and self.keys[place] == key else -1

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """Return where each of `keys` is, or -1, (keys,)."""
        places = np.minimum(self.keys.searchsorted(keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


class NGram:
    """A back-off model of sequences of tokens.

    Args:
        vocabulary: RESERVED and the other words; level 1 has a row for each, in this order.
        levels: of orders 1 and up. The first words of an n-gram, and its last words, are n-grams
            of the order below.
    """

    def __init__(self, vocabulary: Sequence[str], levels: Sequence[Level]):
        self.vocabulary = list(vocabulary)
        self.levels = list(levels)
        self.order = len(self.levels)
        self._ids = {word: i for i, word in enumerate(self.vocabulary)}

    def __contains__(self, token: str) -> bool:
        """Return whether the model has a probability of its own for `token`."""
        return token not in RESERVED and token in self._ids

    def ngrams(self, order: int, some: slice = slice(None)) -> np.ndarray:
        """Return the words of the n-grams of `order`, as indices, (n-grams, order)."""
        columns = []
        rows = np.arange(len(self.levels[order - 1].keys))[some]
        for level in reversed(self.levels[:order]):
            rows, last = np.divmod(level.keys[rows], len(self.vocabulary))
            columns.append(last)
        return np.stack(columns[::-1], axis=1)

    def begin(self) -> State:
        """Return the state before the first token."""
        return (0, self._ids[BEGIN])[: self.order]

    def extend(self, state: State, token: str) -> tuple[float, State]:
        """Return the log10 probability of `token` in `state`, and the state behind it.

        `token` may be END; one that is not in the vocabulary is UNKNOWN.
        """
        word, size = self._ids.get(token, 0), len(self.vocabulary)
        rows: list[int] = []
        for level, context in zip(self.levels, state, strict=False):
            row = level.row(context * size + word)
            if row < 0:
                break
            rows.append(row)
        found = len(rows)
        log10 = self.levels[found - 1].log10[rows[-1]]
        for used in range(found, len(state)):
            log10 += self.levels[used - 1].backoff[state[used]]
        return float(log10), (0, *rows[: self.order - 1])

    def score(self, tokens: Sequence[str]) -> list[float]:
        """Return the log10 probability of each token, and of END, after those before it."""
        scores, state = [], self.begin()
        for token in (*tokens, END):
            log10, state = self.extend(state, token)
            scores.append(log10)
        return scores
