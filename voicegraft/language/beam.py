"""Beam search: the likeliest texts of a clip, by its emissions and a language model.

Two searches complete each other. One goes through the words of a lexicon, with a model of words,
and writes no word that the lexicon lacks. The other may write any string of labels, with a model of
code points. Both are flashlight-text's: Kahn et al. 2022, "Flashlight",
https://arxiv.org/abs/2201.12465
"""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voicegraft.language.arpa import LanguageModel
from voicegraft.language.folder import token_of

if TYPE_CHECKING:
    from flashlight.lib.text.decoder import Trie

BLANK = "\0"  # in a dictionary of tokens; no text has it
CANDIDATES = 20
"""How many texts each search returns."""

# Chosen on the dev clips of the Czech game, by time and by CER. The weights matter little, as texts
# are rescored; see voicegraft/language/rescoring.py.
WORDS = {"beam_size": 100, "beam_size_token": 30, "beam_threshold": 25.0}
WORDS |= {"lm_weight": 1.2, "word_score": 0.5}
SYMBOLS = {"beam_size": 30, "beam_size_token": 6, "beam_threshold": 10.0}
SYMBOLS |= {"lm_weight": 1.0, "sil_score": 0.3}


class WordSearch:
    """The search through a lexicon.

    Args:
        labels: of the emissions, the blank first; a space must be among them.
        model: the path of an ARPA file of words.
        lexicon: words, spelled with labels.
    """

    def __init__(self, labels: Sequence[str], model: Path, lexicon: Sequence[str]):
        from flashlight.lib.text import decoder

        self.space = labels.index(" ")
        self.model = LanguageModel(model, lexicon)
        self.trie = self._trie(labels, lexicon)
        options = decoder.LexiconDecoderOptions(
            **WORDS,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=False,
            criterion_type=decoder.CriterionType.CTC,
        )
        own = self.model
        tables = (self.trie, own.kenlm, self.space, 0, own.unknown, [], False)
        self.search = decoder.LexiconDecoder(options, *tables)

    def _trie(self, labels: Sequence[str], lexicon: Sequence[str]) -> "Trie":
        from flashlight.lib.text import decoder

        number = {label: i for i, label in enumerate(labels)}
        words, kenlm = self.model.dictionary, self.model.kenlm
        trie, start = decoder.Trie(len(labels), self.space), kenlm.start(False)
        for word in lexicon:
            index = words.get_index(word)
            score = kenlm.score(start, index)[1]
            trie.insert([*(number[symbol] for symbol in word), self.space], index, score)
        trie.smear(decoder.SmearingMode.MAX)
        return trie

    def __call__(self, emission: np.ndarray) -> Iterator[str]:
        """Yield texts, the best first, for log-probabilities (frames, labels)."""
        # Without a space behind it, the last word is lost.
        ended = np.full((len(emission) + 1, emission.shape[1]), -1e4, np.float32)
        ended[:-1], ended[-1, self.space] = emission, 0
        for found in self.search.decode(ended.ctypes.data, *ended.shape)[:CANDIDATES]:
            words = (self.model.dictionary.get_entry(i) for i in found.words if i >= 0)
            yield " ".join(words)


class SymbolSearch:
    """The search through all strings of labels.

    Args:
        labels: of the emissions, the blank first.
        model: the path of an ARPA file of labels, see `token_of`.
    """

    def __init__(self, labels: Sequence[str], model: Path):
        from flashlight.lib.text import decoder

        self.labels = labels
        self.model = LanguageModel(model, [token_of(label) or BLANK for label in labels])
        options = decoder.LexiconFreeDecoderOptions(
            **SYMBOLS, log_add=False, criterion_type=decoder.CriterionType.CTC
        )
        silence = labels.index(" ") if " " in labels else -1
        self.search = decoder.LexiconFreeDecoder(options, self.model.kenlm, silence, 0, [])

    def __call__(self, emission: np.ndarray) -> Iterator[str]:
        """Yield texts, the best first, for log-probabilities (frames, labels)."""
        lasting = np.ascontiguousarray(emission, np.float32)
        for found in self.search.decode(lasting.ctypes.data, *lasting.shape)[:CANDIDATES]:
            path = (label for label, _ in groupby(found.tokens) if label >= 0)
            yield " ".join("".join(self.labels[i] for i in path).split())
