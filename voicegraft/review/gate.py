"""Rules for a check that can stop a pull request."""

from collections.abc import Iterator

from pydantic import NonNegativeFloat

from voicegraft.pipeline.params import CLASSIFICATION, TRANSCRIPTION, Section
from voicegraft.review.comparison import Comparison
from voicegraft.review.rates import NAMES


class Gate(Section):
    """The largest allowed rise of each rate; only significant rises break a rule."""

    cer: NonNegativeFloat
    wer: NonNegativeFloat


class ClassGate(Section):
    """The same for classes."""

    error_rate: NonNegativeFloat


class Compare(Section):
    """Knobs of the section `compare`."""

    gate: Gate


class CompareClasses(Section):
    """Knobs of the section `compare` for classification."""

    gate: ClassGate


SECTIONS = {TRANSCRIPTION: Compare, CLASSIFICATION: CompareClasses}


def broken(comparison: Comparison, gate: Gate | ClassGate) -> Iterator[str]:
    """Yield a line for each rule that is broken."""
    for split in comparison.splits:
        for metric, limit in gate:
            change = split.rates[metric]
            if change.verdict == "worse" and change.change > limit:
                yield (
                    f"{split.model}, {split.split}: {NAMES[metric]} rose by "
                    f"{100 * change.change:.1f}, from {100 * change.old:.1f} to "
                    f"{100 * change.new:.1f}; compare.gate.{metric} allows {100 * limit:g}"
                )
