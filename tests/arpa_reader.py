"""Read an ARPA file in Python, to compare what was written with what was meant."""

import re

import numpy as np

from voicegraft.language.folder import SPELLING, SYMBOLS, WORDS, Language
from voicegraft.language.ngram import NEVER, RESERVED, Level, NGram


def read_arpa(path):
    """Return the model of an ARPA file, its n-grams sorted."""
    sections = re.split(r"\n\\\d+-grams:\n", path.read_text(encoding="utf-8"))[1:]
    orders = [dict(map(_row, section.split("\n\n")[0].splitlines())) for section in sections]
    own = sorted({word for (word,) in orders[0]} - set(RESERVED))
    vocabulary = [*RESERVED, *own]
    orders[0] = {(word,): orders[0].get((word,), (NEVER, 0.0)) for word in vocabulary}
    index, rows, levels = {word: i for i, word in enumerate(vocabulary)}, {(): 0}, []
    for ngrams in orders:
        keys = {n: rows[n[:-1]] * len(index) + index[n[-1]] for n in ngrams}
        ordered = sorted(keys, key=keys.get)
        numbers = np.array([ngrams[n] for n in ordered]).T
        levels.append(Level(np.array([keys[n] for n in ordered]), *numbers.copy()))
        rows = {n: i for i, n in enumerate(ordered)}
    return NGram(vocabulary, levels)


def read_language(folder):
    """Return the models of a folder as build_language_model writes it."""
    return Language(*(read_arpa(folder / name) for name in (WORDS, SYMBOLS, SPELLING)))


def _row(line):
    log10, words, *backoff = line.split("\t")
    return tuple(words.split(" ")), (float(log10), float(*backoff))
