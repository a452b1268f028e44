"""Rules that a change must keep, for a check that stops a pull request."""

from collections.abc import Iterator

from pydantic import NonNegativeFloat

from voicegraft.params import Section
from voicegraft.review.comparison import Comparison


class Gate(Section):
    """By how much each rate may rise, surely: a rise that may be luck breaks no rule."""

    cer: NonNegativeFloat
    wer: NonNegativeFloat


class Compare(Section):
    """Knobs of the section `compare`."""

    gate: Gate


def broken(comparison: Comparison, gate: Gate) -> Iterator[str]:
    """Yield a line for each rule that is broken."""
    for split in comparison.splits:
        for metric, change in split.rates.items():
            limit = getattr(gate, metric)
            if change.verdict == "worse" and change.change > limit:
                yield (
                    f"{split.model}, {split.split}: {metric.upper()} rose by "
                    f"{100 * change.change:.1f}, from {100 * change.old:.1f} to "
                    f"{100 * change.new:.1f}; compare.gate.{metric} allows {100 * limit:g}"
                )
