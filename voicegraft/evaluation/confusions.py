"""Which characters a model takes for which: rows for DVC's `confusion` plot."""

from collections import Counter
from collections.abc import Iterable, Iterator

from voicegraft.evaluation.errors import aligned_characters

MOST_PAIRS = 60
MOST_ROWS = 1_000


def count_confusions(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Count (actual, predicted) characters over (reference, hypothesis) pairs; hits left out."""
    return Counter(edit for pair in pairs for edit in aligned_characters(*pair))


def confusion_rows(counts: Counter[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield a row per confusion, most frequent pairs first: the plot counts equal rows.

    Only the most frequent pairs, and beyond `MOST_ROWS` all in proportion, so that the file stays
    small enough for git. A space shows as "␣".
    """
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_PAIRS]
    every = max(1.0, sum(count for _, count in most) / MOST_ROWS)
    for (actual, predicted), count in most:
        yield from [(_visible(actual), _visible(predicted))] * round(count / every)


def _visible(character: str) -> str:
    return "␣" if character == " " else character
