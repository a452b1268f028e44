"""Choose among texts of a clip by a weighted sum of scores; a word outside the lexicon is spelled.

The exact probability of a text by the emissions, and those by both language models, are added up
with weights that dev clips choose: minimum error rate training, Och 2003,
https://aclanthology.org/P03-1021, by coordinates. Greedy decoding is one of the texts, and the
weights leave the CER surely no higher than its.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

from voicegraft.language.arpa import LanguageModel
from voicegraft.language.folder import token_of
from voicegraft.model import ctc

FEATURES = ("emissions", "words", "spelling", "symbols", "word_count", "symbol_count")
"""Natural log-probabilities: by the emissions; by the model of words; of the letters of words that
it lacks; by the model of code points. Then how many words a text has, and how many code points:
each that is written costs a share of the probability, so without a reward texts are too short."""
REWARDS = tuple(FEATURES.index(name) for name in ("word_count", "symbol_count"))
ATTENTION = "attention"
"""One more, last, of a model that has an attention decoder: the natural log-probability by it."""
START = (1.0, 0.5, 0.5, 0.3, 0.0, 0.0)
START_ATTENTION = 0.5
STEPS = (0.5, 0.25, 0.1, 0.05)
UNDECIDED = 1e-9
SURE = 1.645
"""Standard errors by which the CER of dev stays below that of greedy decoding, on one side 95 %:
weights may fit dev by chance, and raise the CER elsewhere."""
PRICES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 1e6)
"""Of CER above what is allowed. They rise, and each descent begins where the last one
ended: a descent that begins with the highest, by which one character outweighs all words, is caught
by the first weights that are allowed."""
LN10 = float(np.log(10))


@dataclass(frozen=True)
class Rescorer:
    """Score texts by emissions and language models.

    Args:
        labels: of the emissions, the blank first.
        symbols: the model of code points.
        spelling: the model of the code points of a word.
        words: the model of words; None of a language written without spaces.
    """

    labels: Sequence[str]
    symbols: LanguageModel
    spelling: LanguageModel
    words: LanguageModel | None

    def features(self, emission: torch.Tensor, texts: Sequence[str]) -> np.ndarray:
        """Return `FEATURES` of each text, (texts, features), by emissions (frames, labels)."""
        targets = [ctc.target(text, self.labels) for text in texts]
        by_emissions = ctc.log_likelihoods(emission, targets).double().numpy()
        by_symbols = [self.symbols.log10([*map(token_of, text)]) * LN10 for text in texts]
        by_words, by_spelling, words = np.array([*map(self._by_words, texts)]).reshape(-1, 3).T
        counts = words, [*map(len, texts)]
        return np.column_stack([by_emissions, by_words, by_spelling, by_symbols, *counts])

    def _by_words(self, text: str) -> tuple[float, float, int]:
        """Return log-probabilities of words and of the letters of unknown ones; how many words."""
        if self.words is None:
            return 0.0, 0.0, 0
        words = text.split()
        spelled = sum(self.spelling.log10(word) for word in words if word not in self.words)
        return self.words.log10(words) * LN10, spelled * LN10, len(words)


@dataclass(frozen=True)
class Candidates:
    """The texts of one clip, and their `FEATURES`, (texts, features); the first is greedy."""

    texts: Sequence[str]
    features: np.ndarray

    def scores(self, weights: Sequence[float]) -> np.ndarray:
        """Return the weighted sum of each text, (texts,)."""
        return self.features @ np.asarray(weights)

    def best(self, weights: Sequence[float]) -> int:
        """Return the index of the text with the highest weighted sum."""
        return int(np.argmax(self.scores(weights)))

    def text(self, weights: Sequence[float]) -> str:
        """Return the text with the highest weighted sum."""
        return self.texts[self.best(weights)]


def choose_weights(dev: Sequence[Candidates], references: Sequence[str]) -> tuple[float, ...]:
    """Return the weights with the lowest sum of CER and WER on `dev`, START's if it is empty.

    There is a weight for each of the features that all of `dev` have. All are 0 if no others surely
    leave the CER as low as greedy decoding: then all texts score alike, and the first is taken.
    """
    if not dev:
        return START
    edits = [_edits(own.texts, reference) for own, reference in zip(dev, references, strict=True)]
    totals = np.array([_sizes(reference) for reference in references]).sum(0)
    greedy = np.array([own[0] for own in edits])

    def cost(weights: Sequence[float], price: float) -> float:
        chosen = np.array([own[c.best(weights)] for own, c in zip(edits, dev, strict=True)])
        more = (chosen - greedy)[:, 0] / totals[0]
        above = more.sum() + SURE * math.sqrt(len(more)) * more.std()
        return float((chosen.sum(0) / totals).sum() + price * max(0.0, above))

    start = START if dev[0].features.shape[1] == len(START) else (*START, START_ATTENTION)
    found = [tuple(0.0 for _ in start)]
    for weights in (start, (1.0, *(0.0 for _ in start[1:]))):
        for price in PRICES:
            weights = _descended(partial(cost, price=price), weights)
            found.append(weights)
    return min(found, key=partial(cost, price=PRICES[-1]))


def _descended(
    cost: Callable[[Sequence[float]], float], start: tuple[float, ...]
) -> tuple[float, ...]:
    """Return weights at which no step along a coordinate lowers the cost; that of emissions is 1.

    The weights of log-probabilities stay at 0 or above; those of `REWARDS` may be below.
    """
    weights, best = np.array(start), cost(start)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for place in range(1, len(start)):
                for change in (-step, step):
                    other = weights.copy()
                    other[place] = round(other[place] + change, 3)
                    if place not in REWARDS and other[place] < 0:
                        continue
                    if (price := cost(other)) < best - UNDECIDED:
                        weights, best, improved = other, price, True
    return tuple(weights.tolist())


def _edits(texts: Sequence[str], reference: str) -> np.ndarray:
    """Return the edits in characters and in words of each text, (texts, 2)."""
    words = reference.split()
    return np.array(
        [
            (Levenshtein.distance(t, reference), Levenshtein.distance(t.split(), words))
            for t in texts
        ]
    )


def _sizes(reference: str) -> tuple[int, int]:
    return len(reference), len(reference.split())
