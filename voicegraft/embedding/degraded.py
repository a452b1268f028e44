"""Training clips as worse recordings would have them: augmentation that can be stored.

Training on noisy, narrow and reverberant copies is what makes a recogniser stand them (Ko et al.
2017, https://doi.org/10.1109/ICASSP.2017.7953152). As with other speeds, a trunk that is stored
can have that only if each copy is encoded, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from voicegraft.degradation.draws import generator
from voicegraft.degradation.knobs import Condition, Degradation
from voicegraft.embedding.takes import Take
from voicegraft.speech.manifest import Corpus, Utterance

SEED = 0
"""Of what each clip meets."""


@dataclass(frozen=True)
class DegradedTake(Take):
    """An utterance at its own speed, in one of the conditions of a degradation."""

    number: int = 0
    """Of the degradation, among those that there are."""
    condition: Condition = field(default_factory=Condition)

    @property
    def id(self) -> str:
        """What the take is called in a store."""
        return degraded_id(self.utterance.id, self.number)

    def wave(self, corpus: Corpus) -> Tensor:
        """Return its samples, float32 (samples,)."""
        from voicegraft.degradation.corpus import DegradedCorpus  # a second, for what needs none

        heard = DegradedCorpus(corpus, self.condition, SEED + self.number)
        return torch.from_numpy(heard.wave(self.utterance))


def degraded_id(utterance: str, number: int) -> str:
    """Return the id of the take that one of several degradations makes."""
    return f"{utterance}+{number}"


def degraded_takes(utterance: Utterance, augment: Sequence[Degradation]) -> list[DegradedTake]:
    """Return the utterance in each degradation, in one of its conditions, drawn by its id."""
    return [
        DegradedTake(utterance, number=number, condition=_drawn(utterance, number, degradation))
        for number, degradation in enumerate(augment)
    ]


def _drawn(utterance: Utterance, number: int, degradation: Degradation) -> Condition:
    conditions = degradation.conditions
    rng = generator(SEED + number, utterance.id, "condition")
    return conditions[rng.integers(len(conditions))]
