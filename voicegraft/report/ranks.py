"""Which of many clips are shown: the worst, what lies in the middle, and the best."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from voicegraft.evaluation.blocks import Clip

Scored = TypeVar("Scored", bound=Clip)


def ranked(
    worst: Sequence[Scored], best: Sequence[Scored], count: int
) -> Iterator[tuple[str, Scored]]:
    """Yield (rank, score) of `count` each from the worst to the best, no clip twice.

    Args:
        worst: of all clips, the worst first.
        best: of the same, the best first; not the other way round where equals have an order.
        count: of each rank.
    """
    middle = max(0, (len(best) - count) // 2)
    parts = {"worst": worst[:count], "median": best[middle:][:count], "best": best[:count]}
    seen: set[str] = set()
    for rank, part in parts.items():
        for score in part:
            if score.id not in seen:
                seen.add(score.id)
                yield rank, score
