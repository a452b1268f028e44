"""Reference and hypothesis in pieces that can be set one above the other, edit by edit."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from voicegraft.evaluation.errors import alignment


@dataclass(frozen=True)
class Piece:
    """Characters of the reference, and what stands for them in the hypothesis."""

    kind: str  # equal, substitute, insert or delete
    reference: str
    hypothesis: str


def aligned(reference: str, hypothesis: str) -> Iterator[Piece]:
    """Yield every edit as a piece of one character, and what lies between as words and spaces.

    The same alignment as the one that is counted.
    """
    for kind, actual, predicted in alignment(reference, hypothesis, nothing=""):
        if kind == "equal":
            for part in re.findall(r"\s|\S+", "".join(actual)):
                yield Piece(kind, part, part)
        else:
            yield from (Piece(kind, *side) for side in zip(actual, predicted, strict=True))


def by_word(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces that no end of a line should part: up to a space on which both agree."""
    word: list[Piece] = []
    for piece in pieces:
        word.append(piece)
        if piece.kind == "equal" and piece.reference.isspace():
            yield word
            word = []
    if word:
        yield word


def visible(character: str) -> str:
    """Return what shows an edited character: a space, or a mark that has lost its letter, too."""
    if character.isspace():
        return "␣"
    return f"◌{character}" if character and unicodedata.combining(character[0]) else character
