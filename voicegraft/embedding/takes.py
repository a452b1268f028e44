"""Takes of a clip: as recorded, at other speeds, and degraded.

Speed perturbation (Ko et al. 2015, https://doi.org/10.21437/Interspeech.2015-711) needs the audio,
which training on stored states does not have. So each training clip is encoded once at a few
speeds, for all epochs and experiments.

Training on noisy, narrow-band and reverberant copies makes a recogniser robust to them (Ko et al.
2017, https://doi.org/10.1109/ICASSP.2017.7953152). For training on stored states, each copy is
encoded once, too.
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
    """An utterance at a speed; 1 is the recording itself."""

    utterance: Utterance
    speed: float = 1.0

    @property
    def id(self) -> str:
        """The id of the take in a store."""
        return take_id(self.utterance.id, self.speed)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.utterance.samples / self.speed)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / SAMPLE_RATE

    def wave(self, corpus: Corpus) -> Tensor:
        """Return its samples, float32 (samples,)."""
        wave = torch.from_numpy(corpus.wave(self.utterance))
        if self.speed == 1:
            return wave
        return torchaudio.functional.speed(wave, SAMPLE_RATE, self.speed)[0][: self.samples]


def take_id(utterance: str, speed: float) -> str:
    """Return the id of a take: the utterance's id, followed by a speed other than 1."""
    return utterance if speed == 1 else f"{utterance}@{speed:g}"


def takes(utterances: Sequence[Utterance], speeds: Sequence[float], max_samples: int) -> list[Take]:
    """Return every utterance at speed 1, and training clips at `speeds` up to `max_samples`."""
    learnt = [u for u in utterances if u.split in ("train", UNLABELLED)]
    extra = [Take(u, speed) for speed in speeds for u in learnt]
    return [Take(u) for u in utterances] + [t for t in extra if t.samples <= max_samples]


def clip_by_clip(takes: Sequence[Take], utterances: Sequence[Utterance]) -> list[Take]:
    """Return the takes in the order of their utterances: those of a clip are neighbours."""
    place = {utterance.id: number for number, utterance in enumerate(utterances)}
    return sorted(takes, key=lambda take: place[take.utterance.id])


SEED = 0
"""Seed of the degradations."""


@dataclass(frozen=True)
class DegradedTake(Take):
    """An utterance at its own speed, in one of the conditions of a degradation."""

    number: int = 0
    """Index of the degradation in extract_embeddings.augment."""
    condition: Condition = field(default_factory=Condition)

    @property
    def id(self) -> str:
        """The id of the take in a store."""
        return degraded_id(self.utterance.id, self.number)

    def wave(self, corpus: Corpus) -> Tensor:
        """Return its samples, float32 (samples,)."""
        from voicegraft.speech.degradation import DegradedCorpus

        degraded_corpus = DegradedCorpus(corpus, self.condition, SEED + self.number)
        return torch.from_numpy(degraded_corpus.wave(self.utterance))


def degraded_id(utterance: str, number: int) -> str:
    """Return the id of an utterance's take in degradation `number`."""
    return f"{utterance}+{number}"


def degraded_takes(utterance: Utterance, augment: Sequence[Degradation]) -> list[DegradedTake]:
    """Return one take for each degradation, in a condition that is drawn by the utterance's id."""
    return [
        DegradedTake(utterance, number=number, condition=_drawn(utterance, number, degradation))
        for number, degradation in enumerate(augment)
    ]


def _drawn(utterance: Utterance, number: int, degradation: Degradation) -> Condition:
    conditions = degradation.conditions
    rng = generator(SEED + number, utterance.id, "condition")
    return conditions[rng.integers(len(conditions))]
