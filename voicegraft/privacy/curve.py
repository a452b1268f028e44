"""The curve of an attack, for a plot: members found by the share of others taken for members."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicegraft.evaluation.summary import DECIMALS
from voicegraft.privacy.attacks import Attack

FILE = "privacy_roc.csv"
"""Beside evaluation/privacy.json."""
LEVEL, ATTACK = "clip", "lira_offline"
"""The attack of the curve: that which goes furthest where there are few shadows."""


@dataclass(frozen=True)
class Point:
    """A line of the table."""

    model: str
    false_positives: float
    true_positives: float
    true_positives_low: float
    true_positives_high: float


def points(attacks: Mapping[str, Sequence[Attack]]) -> Iterator[Point]:
    """Yield the curve of each model that was attacked."""
    for model, each in attacks.items():
        for attack in each:
            if (attack.level, attack.name) == (LEVEL, ATTACK):
                for rate, found in attack.found.items():
                    ends = (round(end, DECIMALS) for end in (found.value, found.low, found.high))
                    yield Point(model, rate, *ends)
