"""Back-off models as files in the ARPA format: written here, and read by KenLM.

The format is described in SRILM's ngram-format(5),
http://www.speech.sri.com/projects/srilm/manpages/ngram-format.5.html. KenLM (Heafield 2011,
https://aclanthology.org/W11-2123) is a part of flashlight-text.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from voicegraft.language.ngram import UNKNOWN, NGram
from voicegraft.pipeline.files import DamagedError, whole

if TYPE_CHECKING:
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

ROWS_AT_ONCE = 100_000
LINE_BYTES = 1_000


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


def is_installed() -> bool:
    """Return whether flashlight-text is here; it has no wheels for Python 3.13 and later."""
    return find_spec("flashlight") is not None


class LanguageModel:
    """The n-grams of an ARPA file.

    Args:
        path: of the file.
        tokens: that are looked up, each once; any other is UNKNOWN.

    Raises:
        FileNotFoundError: if there is no file.
        DamagedError: if it is not in the format, or ends early.
    """

    def __init__(self, path: Path, tokens: Iterable[str]):
        from flashlight.lib.text.dictionary import Dictionary

        self.dictionary = Dictionary()
        for token in (*tokens, UNKNOWN):
            self.dictionary.add_entry(token)
        self.unknown = self.dictionary.get_index(UNKNOWN)
        self.dictionary.set_default_index(self.unknown)
        self.kenlm = _read(path, self.dictionary)

    def __contains__(self, token: str) -> bool:
        """Return whether `token` is looked up, and is not UNKNOWN."""
        return self.dictionary.get_index(token) != self.unknown

    def log10(self, tokens: Sequence[str]) -> float:
        """Return the log10 probability of a sequence, from its beginning to its end."""
        state, total = self.kenlm.start(False), 0.0
        for token in tokens:
            state, score = self.kenlm.score(state, self.dictionary.get_index(token))
            total += score
        return total + self.kenlm.finish(state)[1]


def _read(path: Path, dictionary: "Dictionary") -> "KenLM":
    from flashlight.lib.text.decoder.kenlm import KenLM

    if not path.is_file():  # KenLM would end the process
        raise FileNotFoundError(f"{path} is missing: it is a part of the decoder")
    try:
        _check_counts(path)
        with _quiet():
            return KenLM(str(path), dictionary)
    except (RuntimeError, ValueError) as error:  # it says what it found, in bytes
        why = " ".join(f"{error}".split())
        raise DamagedError(f"{path} is damaged, or no ARPA file: {why}") from None


def _check_counts(path: Path) -> None:
    """Raise a ValueError where KenLM would end the process, or take all memory.

    That is at a count of n-grams below 0, or of more than there are bytes; and it would take the
    memory of a file of its own binary format as it is.
    """
    with open(path, "rb") as file:
        if file.readline(LINE_BYTES).strip() != b"\\data\\":
            raise ValueError(r"it does not begin with \data\ ")
        while (line := file.readline(LINE_BYTES)).startswith(b"ngram"):
            counted = re.fullmatch(rb"ngram \d+=(\d{1,18})", line.strip())
            if not counted or int(counted[1]) > path.stat().st_size:
                raise ValueError(f"it cannot have {line.strip().decode(errors='replace')}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep KenLM's progress bar from standard error, into which its C++ writes."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
