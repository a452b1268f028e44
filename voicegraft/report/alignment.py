"""The alignment of reference and hypothesis, for display one above the other."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from voicegraft.evaluation.errors import alignment


@dataclass(frozen=True)
class Piece:
    """Characters of the reference, aligned with characters of the hypothesis."""

    kind: str  # equal, substitute, insert or delete
    reference: str
    hypothesis: str


def aligned(reference: str, hypothesis: str) -> Iterator[Piece]:
    """Yield every edit as a piece of one character, and the text between edits as words and spaces.

    The alignment is the same as for error rates.
    """
    for kind, actual, predicted in alignment(reference, hypothesis, nothing=""):
        if kind == "equal":
            for part in re.findall(r"\s|\S+", "".join(actual)):
                yield Piece(kind, part, part)
        else:
            yield from (Piece(kind, *side) for side in zip(actual, predicted, strict=True))


def by_word(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield groups of pieces without line breaks inside: up to a space in both texts."""
    word: list[Piece] = []
    for piece in pieces:
        word.append(piece)
        if piece.kind == "equal" and piece.reference.isspace():
            yield word
            word = []
    if word:
        yield word


def visible(character: str) -> str:
    """Return a visible form of an edited character, also of a space or a combining mark."""
    if character.isspace():
        return "␣"
    return f"◌{character}" if character and unicodedata.combining(character[0]) else character
