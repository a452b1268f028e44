"""How a recording is degraded, as params.yaml says it."""

from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from voicegraft.params import Section

Noise = Literal["white", "pink", "babble"]
Telephone = Literal["band", "mu_law"]
ReverberationTime = Annotated[float, Field(ge=0.05, le=3)]
SignalToNoise = Annotated[float, Field(ge=-20, le=60)]


@dataclass(frozen=True)
class Condition:
    """One way to record; all None is the clip as it is."""

    room_t60: float | None = None
    noise: Noise | None = None
    snr_db: float | None = None
    telephone: Telephone | None = None

    @property
    def name(self) -> str:
        """What it is called, however loud the noise: room0.4+pink+band, or clean."""
        room = None if self.room_t60 is None else f"room{self.room_t60:g}"
        return "+".join(part for part in (room, self.noise, self.telephone) if part) or "clean"


class Degradation(Section):
    """Some conditions: each of the reverberation times with each of the levels of noise."""

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
        """All of them, in the order given."""
        return [
            Condition(t60, self.noise, snr, self.telephone)
            for t60, snr in product(self.room_t60 or (None,), self.snr_db or (None,))
        ]
