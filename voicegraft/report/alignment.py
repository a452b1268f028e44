"""Reference and hypothesis in pieces that can be set one above the other, edit by edit."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import jiwer


@dataclass(frozen=True)
class Piece:
    """Characters of the reference, and what stands for them in the hypothesis."""

    kind: str  # equal, substitute, insert or delete
    reference: str
    hypothesis: str


def aligned(reference: str, hypothesis: str) -> Iterator[Piece]:
    """Yield every edit as a piece of one character, and what lies between as words and spaces.

    The same alignment as the one that is counted (voicegraft/evaluation/errors.py).
    """
    texts = (unicodedata.normalize("NFC", text) for text in (reference, hypothesis))
    output = jiwer.process_characters(*texts)
    actual, predicted = output.references[0], output.hypotheses[0]
    for chunk in output.alignments[0]:
        gone = actual[chunk.ref_start_idx : chunk.ref_end_idx]
        come = predicted[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "equal":
            for part in re.findall(r"\s|\S+", "".join(gone)):
                yield Piece("equal", part, part)
        else:
            sides = zip(gone or [""] * len(come), come or [""] * len(gone), strict=True)
            yield from (Piece(chunk.type, *side) for side in sides)


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
