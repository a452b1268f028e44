"""Canaries in heads and in the language model: how often each has to be there to be remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from voicegraft.evaluation.summary import DECIMALS, Evaluate
from voicegraft.privacy.exposure import by_chance, exposure, mean_exposure
from voicegraft.privacy.measure import Measured

COUNTS = (1, 2, 4, 16)


@dataclass(frozen=True)
class Exposed:
    """The mean exposure of canaries of one kind of model that were inserted so many times."""

    kind: str
    """head, language model, or fused: both had the canaries."""
    inserted: int
    canaries: int
    references: int
    found: Measured
    """In bits."""

    @property
    def chance(self) -> float:
        """The mean exposure of canaries that were never inserted, in bits."""
        return by_chance(self.references)

    @property
    def remembered(self) -> bool:
        """Whether they are ranked above sentences made alike, beyond chance."""
        return self.found.low > self.chance

    def rounded(self) -> dict[str, Any]:
        """Return it for JSON."""
        own = {"kind": self.kind, "inserted": self.inserted, "canaries": self.canaries}
        bits = {"chance": round(self.chance, DECIMALS), "references": self.references}
        return own | bits | {"bits": self.found.rounded()}


def dealt(canaries: int, of_each: int, seed: int) -> np.ndarray:
    """Return how often each of so many canaries is inserted, (canaries,); the others never.

    Raises:
        ValueError: if none is left to compare with.
    """
    if canaries <= len(COUNTS) * of_each:
        raise ValueError(f"audit.canaries: {canaries} leave none that is never inserted")
    counts = np.zeros(canaries, int)
    counts[: len(COUNTS) * of_each] = np.repeat(COUNTS, of_each)
    return np.random.default_rng(seed).permutation(counts)


def exposed(
    kind: str, found: Sequence[tuple[np.ndarray, np.ndarray]], params: Evaluate
) -> list[Exposed]:
    """Return the exposure by count, over several models of a kind.

    Args:
        kind: of the models.
        found: for each model, how often each canary was inserted, and its loss, (canaries,) each.
        params: of the bootstrap.
    """
    lines = []
    for inserted in COUNTS:
        bits = [
            exposure(losses[counts == inserted], losses[counts == 0]) for counts, losses in found
        ]
        references = min(int((counts == 0).sum()) for counts, _ in found)
        values = np.concatenate(bits)
        measured = mean_exposure(values, params)
        lines.append(Exposed(kind, inserted, len(values), references, measured))
    return lines


def fewest_remembered(lines: Sequence[Exposed]) -> Mapping[str, int]:
    """Return by kind the fewest insertions that are remembered, if any are."""
    kept: dict[str, int] = {}
    for line in lines:
        if line.remembered:
            kept[line.kind] = min(kept.get(line.kind, line.inserted), line.inserted)
    return kept
