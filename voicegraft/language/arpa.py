"""Back-off models as files: the ARPA format, which KenLM, SRILM and decoders read.

The format is described in SRILM's ngram-format(5),
http://www.speech.sri.com/projects/srilm/manpages/ngram-format.5.html
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from voicegraft.language.ngram import NEVER, RESERVED, Level, NGram
from voicegraft.pipeline.files import reading, whole

ROWS_AT_ONCE = 100_000
BLANK = " \t\r\n"
COUNT = re.compile(r"ngram (\d+)=(\d+)")

Row = tuple[float, list[str], float]
"""log10 of the probability, words, and log10 of the back-off weight."""


def write_arpa(path: Path, model: NGram) -> None:
    """Write `model` atomically; the same model gives the same bytes.

    Raises:
        ValueError: if a word holds a space, which separates words in the file.
    """
    for word in model.vocabulary:
        if not word or any(c.isspace() or c == "\0" for c in word):
            raise ValueError(f"{path}: {word!r} cannot be a word of an ARPA file")
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        for order, level in enumerate(model.levels, 1):
            file.write(f"ngram {order}={len(level.keys)}\n")
        for order in range(1, model.order + 1):
            file.write(f"\n\\{order}-grams:\n")
            for first in range(0, len(model.levels[order - 1].keys), ROWS_AT_ONCE):
                file.writelines(_lines(model, order, first))
        file.write("\n\\end\\\n")


def _lines(model: NGram, order: int, first: int) -> Iterator[str]:
    level = model.levels[order - 1]
    some = slice(first, first + ROWS_AT_ONCE)
    words = model.ngrams(order, some)
    for ids, log10, backoff in zip(
        words.tolist(), level.log10[some].tolist(), level.backoff[some].tolist(), strict=True
    ):
        text = " ".join(model.vocabulary[i] for i in ids)
        yield f"{log10:.7g}\t{text}\t{backoff:.7g}\n" if backoff else f"{log10:.7g}\t{text}\n"


def read_arpa(path: Path) -> NGram:
    """Return the model of an ARPA file, from this writer or another.

    Raises:
        DamagedError: if it is not in the format, ends early, or lacks a part of an n-gram.
    """
    with reading(path), open(path, encoding="utf-8", newline="\n") as file:
        counts = _counts(file)
        vocabulary, levels = _unigrams(_rows(file, 1, counts[0]))
        index = {word: i for i, word in enumerate(vocabulary)}
        for order, count in enumerate(counts[1:], 2):
            levels.append(_level(_rows(file, order, count), order, index, levels))
        if _next_line(file) != "\\end\\":
            raise ValueError("it has more n-grams than it names, or does not end in \\end\\")
        return NGram(vocabulary, levels)


def _next_line(file: TextIO) -> str:
    """Return the next line that is not blank, without spaces at its ends; "" at the end."""
    return next((stripped for line in file if (stripped := line.strip(BLANK))), "")


def _counts(file: TextIO) -> list[int]:
    """Return the number of n-grams of each order, from the head of the file."""
    while (line := _next_line(file)) != "\\data\\":
        if not line:
            raise ValueError("it has no \\data\\")
    counts: list[int] = []
    while match := COUNT.fullmatch(line := _next_line(file)):
        if int(match[1]) != len(counts) + 1:
            raise ValueError(f"{line!r} is not in order")
        counts.append(int(match[2]))
    if line != "\\1-grams:":
        raise ValueError(f"{line!r} is not \\1-grams:")
    return counts


def _rows(file: TextIO, order: int, count: int) -> Iterator[Row]:
    """Yield the n-grams of an order, the head of whose section is read if it is the first."""
    if order > 1 and (line := _next_line(file)) != f"\\{order}-grams:":
        raise ValueError(f"{line!r} is not \\{order}-grams:")
    for line in islice(file, count):
        # Not by str.split(), for which a no-break space is a space too.
        log10, *words = filter(None, line.strip(BLANK).replace("\t", " ").split(" "))
        if len(words) not in (order, order + 1):
            raise ValueError(f"{line!r} is no {order}-gram")
        backoff = float(words.pop()) if len(words) > order else 0.0
        yield float(log10), words, backoff


def _unigrams(rows: Iterator[Row]) -> tuple[list[str], list[Level]]:
    """Return the vocabulary, sorted behind RESERVED, and its level.

    A reserved word that the file does not have is never predicted.
    """
    found = {word: (log10, backoff) for log10, (word,), backoff in rows}
    vocabulary = [*RESERVED, *sorted(found.keys() - set(RESERVED))]
    numbers = np.array([found.get(word, (NEVER, 0.0)) for word in vocabulary])
    return vocabulary, [Level(np.arange(len(vocabulary)), *numbers.T.copy())]


def _level(
    lines: Iterator[Row], order: int, index: dict[str, int], below: Sequence[Level]
) -> Level:
    """Return the n-grams of an order above 1, sorted."""
    words, numbers = array("q"), array("d")
    for log10, ngram, backoff in lines:
        words.extend(index[word] for word in ngram)
        numbers.extend((log10, backoff))
    ids = np.frombuffer(words, np.int64).reshape(-1, order)
    keys = ids[:, 0]
    for place, level in enumerate(below):
        rows = level.rows(keys)
        if (rows < 0).any():
            raise ValueError("it has an n-gram without the n-gram of its first words")
        keys = rows * len(index) + ids[:, place + 1]
    ranks = np.argsort(keys, kind="stable")
    log10, backoff = np.frombuffer(numbers, np.float64).reshape(-1, 2)[ranks].T.copy()
    if len(keys) and not np.diff(keys[ranks]).all():
        raise ValueError(f"it has a {order}-gram twice")
    return Level(keys[ranks], log10, backoff)
