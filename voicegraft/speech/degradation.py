"""Degraded recordings: conditions of params.yaml, applied to a corpus.

The order is that of a recording: first the room, then noise at the microphone, then the line. The
degradation of a clip depends only on a seed and its id. It keeps the clip's length, so its text
still fits.
"""

import hashlib
from dataclasses import dataclass
from itertools import islice, product
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from voicegraft.pipeline.params import Section
from voicegraft.speech.effects import (
    TALKERS,
    add_noise,
    babble,
    impulse_response,
    over_telephone,
    pink,
    reverberate,
    white,
)
from voicegraft.speech.manifest import Corpus, Utterance

Noise = Literal["white", "pink", "babble"]
Telephone = Literal["band", "mu_law"]
ReverberationTime = Annotated[float, Field(ge=0.05, le=3)]
SignalToNoise = Annotated[float, Field(ge=-20, le=60)]


@dataclass(frozen=True)
class Condition:
    """One recording condition; all None is the clean clip."""

    room_t60: float | None = None
    noise: Noise | None = None
    snr_db: float | None = None
    telephone: Telephone | None = None

    @property
    def name(self) -> str:
        """The name without the level of the noise, such as room0.4+pink+band, or clean."""
        room = None if self.room_t60 is None else f"room{self.room_t60:g}"
        return "+".join(part for part in (room, self.noise, self.telephone) if part) or "clean"


class Degradation(Section):
    """Conditions: all combinations of reverberation times and levels of noise."""

    room_t60: Annotated[tuple[ReverberationTime, ...], Field(strict=False)] = ()
    """Seconds in which an echo falls by 60 dB."""
    noise: Noise | None = None
    snr_db: Annotated[tuple[SignalToNoise, ...], Field(strict=False)] = ()
    """Speech over noise, in decibels."""
    telephone: Telephone | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.noise) != bool(self.snr_db):
            raise ValueError("noise and snr_db go together")
        if not (self.room_t60 or self.noise or self.telephone):
            raise ValueError("must have room_t60, noise with snr_db, or telephone")
        return self

    @property
    def conditions(self) -> list[Condition]:
        """All conditions, in the order given."""
        return [
            Condition(t60, self.noise, snr, self.telephone)
            for t60, snr in product(self.room_t60 or (None,), self.snr_db or (None,))
        ]


def generator(seed: int, clip: str, purpose: str) -> np.random.Generator:
    """Return the random generator for one purpose in one clip."""
    digest = hashlib.sha256(f"{seed} {purpose} {clip}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))


class DegradedCorpus:
    """A corpus with the same clips, of the same lengths, in a condition.

    Args:
        corpus: the clean clips. Babble is mixed from its other training clips, never from test
            clips.
        condition: the level of the noise is relative to the reverberated clip, before the line.
        seed: with the id of a clip, determines its degradation. The noise is the same at every
            level and does not depend on other clips, except babble.
    """

    def __init__(self, corpus: Corpus, condition: Condition, seed: int):
        self.corpus, self.condition, self.seed = corpus, condition, seed

    def wave(self, utterance: Utterance) -> np.ndarray:
        """Return float32 samples, shape (samples,); noise may take them out of [-1, 1].

        Raises:
            ValueError: if the noise is babble and the corpus has no other training clips.
        """
        wave, condition = self.corpus.wave(utterance), self.condition
        if condition.room_t60 is not None:
            rng = generator(self.seed, utterance.id, "room")
            wave = reverberate(wave, impulse_response(condition.room_t60, rng))
        if condition.noise:
            wave = add_noise(wave, self._noise(utterance), condition.snr_db)
        if condition.telephone:
            wave = over_telephone(wave, companded=condition.telephone == "mu_law")
        return wave

    def _noise(self, utterance: Utterance) -> np.ndarray:
        rng = generator(self.seed, utterance.id, "noise")
        if self.condition.noise == "babble":
            return babble(utterance.samples, rng, self._talkers(utterance))
        return {"white": white, "pink": pink}[self.condition.noise](utterance.samples, rng)

    def _talkers(self, utterance: Utterance) -> list[np.ndarray]:
        clips = self.corpus.utterances
        order = generator(self.seed, utterance.id, "talkers").permutation(len(clips))
        others = (clips[i] for i in order if clips[i].split == "train" and clips[i] != utterance)
        if not (drawn := list(islice(others, TALKERS))):
            raise ValueError(f"babble behind {utterance.id} needs other clips in train")
        return [self.corpus.wave(other) for other in drawn]
