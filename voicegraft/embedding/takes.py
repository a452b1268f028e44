"""Takes of a clip: as it was spoken, slower or faster, and degraded.

Speed perturbation (Ko et al. 2015, https://doi.org/10.21437/Interspeech.2015-711) needs the audio,
so a cached trunk could not have it; encoding each training clip at a few speeds, once, gives it
back to every epoch and every experiment.

Training on noisy, narrow and reverberant copies is what makes a recogniser stand them (Ko et al.
2017, https://doi.org/10.1109/ICASSP.2017.7953152). As with other speeds, a trunk that is stored
can have that only if each copy is encoded, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from voicegraft.speech.degradation import Condition, Degradation, generator
from voicegraft.speech.manifest import SAMPLE_RATE, UNLABELLED, Corpus, Utterance
from voicegraft.speech.torchaudio_on_cpu import torchaudio

Speed = Annotated[float, Field(ge=0.5, le=2)]


@dataclass(frozen=True)
class Take:
    """An utterance at a speed; 1 is its own."""

    utterance: Utterance
    speed: float = 1.0

    @property
    def id(self) -> str:
        """What the take is called in a store."""
        return take_id(self.utterance.id, self.speed)

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return int(self.utterance.samples / self.speed)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / SAMPLE_RATE

    def wave(self, corpus: Corpus) -> Tensor:
        """Return its samples, float32 (samples,)."""
        wave = torch.from_numpy(corpus.wave(self.utterance))
        if self.speed == 1:
            return wave
        return torchaudio.functional.speed(wave, SAMPLE_RATE, self.speed)[0][: self.samples]


def take_id(utterance: str, speed: float) -> str:
    """Return the id of an utterance's take: its own, or with the speed behind it."""
    return utterance if speed == 1 else f"{utterance}@{speed:g}"


def takes(utterances: Sequence[Utterance], speeds: Sequence[float], max_samples: int) -> list[Take]:
    """Return every utterance as it is, and those to learn from at `speeds` too, where they fit."""
    learnt = [u for u in utterances if u.split in ("train", UNLABELLED)]
    extra = [Take(u, speed) for speed in speeds for u in learnt]
    return [Take(u) for u in utterances] + [t for t in extra if t.samples <= max_samples]


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
        from voicegraft.speech.degradation import DegradedCorpus

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
