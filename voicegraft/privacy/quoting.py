"""Canaries in the language model: in its transcripts, alone and added to what a head emits.

A mixture of models adds up their probabilities, so one whose transcripts had canaries differs from
the pipeline's by that model's share of what they changed. All its other texts count as they do.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from voicegraft.language.arpa import LanguageModel
from voicegraft.language.folder import WORDS, read_lexicon
from voicegraft.language.kneser_ney import estimate
from voicegraft.language.ngram import END, NGram

Sentence = Sequence[str]
LEAST = 1e-12


class Quoting:
    """The pipeline's model of words, with canaries put in its transcripts.

    Args:
        language: the folder of the language model.
        transcripts: that it has learnt.
        weight: of the transcripts in its mixture (0 to 1).
        order: of its n-grams.
    """

    def __init__(self, language: Path, transcripts: Sequence[Sentence], weight: float, order: int):
        self.lexicon = read_lexicon(language)
        self.model = LanguageModel(language / WORDS, self.lexicon)
        self.transcripts, self.weight, self.order = list(transcripts), weight, order
        self._listed = dict.fromkeys(self.lexicon, 0)
        self.plain = self._estimated({})

    def with_canaries(self, counts: Mapping[tuple[str, ...], int]) -> NGram:
        """Return the model of the transcripts, with each of these sentences so many times."""
        return self._estimated({sentence: n for sentence, n in counts.items() if n})

    def losses(self, quoted: NGram, sentences: Sequence[Sentence]) -> np.ndarray:
        """Return -ln p of a word of each sentence, and its end, by the mixture, (sentences,)."""
        return np.array([self._loss(quoted, sentence) for sentence in sentences])

    def _estimated(self, counts: Mapping[tuple[str, ...], int]) -> NGram:
        sentences = [*self.transcripts, *counts]
        weights = [1] * len(self.transcripts) + list(counts.values())
        return estimate(sentences, self.order, weights, self._listed)

    def _loss(self, quoted: NGram, sentence: Sentence) -> float:
        changed = _shares(quoted, sentence) - _shares(self.plain, sentence)
        shares = token_shares(self.model, sentence) + self.weight * changed
        return float(-np.log(np.maximum(shares, LEAST)).mean())


def token_shares(model: LanguageModel, sentence: Sentence) -> np.ndarray:
    """Return the probability of each word after those before it, and of the end, (words + 1,)."""
    state, found = model.kenlm.start(False), []
    for word in sentence:
        state, log = model.kenlm.score(state, model.dictionary.get_index(word))
        found.append(log)
    return 10.0 ** np.array([*found, model.kenlm.finish(state)[1]])


def _shares(model: NGram, sentence: Sentence) -> np.ndarray:
    return 10.0 ** np.array(model.score([*sentence]))


def sentences_of(words: Sequence[str], length: int, count: int, seed: int) -> list[tuple[str, ...]]:
    """Return so many sentences of that many words, drawn at random; END is no word."""
    rng, known = np.random.default_rng(seed), sorted(set(words) - {END})
    return [tuple(known[i] for i in rng.integers(len(known), size=length)) for _ in range(count)]
