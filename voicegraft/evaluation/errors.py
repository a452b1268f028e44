"""Errors of a hypothesis against its reference, and which characters are confused."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import jiwer

NOTHING = "∅"
"""Stands for the missing side of an inserted or a deleted character."""


@dataclass(frozen=True)
class Errors:
    """Length of a reference, and its edit distance to the hypothesis (Levenshtein)."""

    characters: int
    character_edits: int
    words: int
    word_edits: int


def count_errors(reference: str, hypothesis: str) -> Errors:
    """Count errors with jiwer, by code points of NFC text and by words.

    A space between two words counts as a character; spaces at the ends do not. An "é" is one
    character in any form, but a letter without a composed form counts its marks too.
    """
    reference, hypothesis = _composed(reference), _composed(hypothesis)
    characters = jiwer.process_characters(reference, hypothesis)
    words = jiwer.process_words(reference, hypothesis)
    return Errors(_length(characters), _edits(characters), _length(words), _edits(words))


def aligned_characters(reference: str, hypothesis: str) -> Iterator[tuple[str, str]]:
    """Yield (actual, predicted) for each edit; the missing side is `NOTHING`."""
    for kind, actual, predicted in alignment(reference, hypothesis, NOTHING):
        if kind != "equal":
            yield from zip(actual, predicted, strict=True)


def alignment(
    reference: str, hypothesis: str, nothing: str
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield (kind, actual, predicted) for each run of characters, with equal lengths.

    The kinds are jiwer's: equal, substitute, insert and delete; `nothing` replaces each missing
    character.
    """
    output = jiwer.process_characters(_composed(reference), _composed(hypothesis))
    actual, predicted = output.references[0], output.hypotheses[0]
    for chunk in output.alignments[0]:
        gone = actual[chunk.ref_start_idx : chunk.ref_end_idx]
        come = predicted[chunk.hyp_start_idx : chunk.hyp_end_idx]
        yield chunk.type, gone or [nothing] * len(come), come or [nothing] * len(gone)


def rate(edits: int, reference: int) -> float:
    """Return edits per unit of reference, which may be above 1.

    For a corpus pass sums: a mean of rates would weight short clips as much as long ones. With an
    empty reference the result is the number of edits.
    """
    return edits / max(reference, 1)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _length(output: jiwer.CharacterOutput | jiwer.WordOutput) -> int:
    return output.hits + output.substitutions + output.deletions


def _edits(output: jiwer.CharacterOutput | jiwer.WordOutput) -> int:
    return output.substitutions + output.deletions + output.insertions


MOST_PAIRS = 60
MOST_ROWS = 1_000


def count_confusions(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Count confusions (actual, predicted) over (reference, hypothesis) pairs."""
    return Counter(edit for pair in pairs for edit in aligned_characters(*pair))


def confusion_rows(counts: Counter[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield a row for each confusion, the most frequent pairs first; the plot counts equal rows.

    Only the most frequent pairs are kept, and beyond `MOST_ROWS` counts are scaled down, so that
    the file stays small enough for git. A space shows as "␣".
    """
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_PAIRS]
    every = max(1.0, sum(count for _, count in most) / MOST_ROWS)
    for (actual, predicted), count in most:
        yield from [(_visible(actual), _visible(predicted))] * round(count / every)


def _visible(character: str) -> str:
    return "␣" if character == " " else character
