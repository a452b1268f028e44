"""What a clip must be, to train or to score on."""

from pathlib import Path

import numpy as np
from pydantic import Field, PositiveFloat

from voicegraft.params import Section
from voicegraft.speech.audio import AudioError, level_dbfs, read_audio, to_int16
from voicegraft.speech.manifest import SAMPLE_RATE


class CheckSection(Section):
    """The bounds of a usable clip."""

    min_seconds: PositiveFloat
    max_seconds: PositiveFloat
    min_dbfs: float = Field(le=0)
    max_characters_per_second: PositiveFloat


class UnusableError(ValueError):
    """A clip fails a check; `reason` is short, to count by."""

    def __init__(self, reason: str, detail: str = ""):
        """Take a reason that many clips share, and the detail of this one."""
        super().__init__(f"{reason} {detail}")
        self.reason, self.detail = reason, detail


def usable_samples(path: Path, text: str, section: CheckSection) -> np.ndarray:
    """Return the samples, int16, 16 kHz, mono, of a clip that passes every check.

    Raises:
        UnusableError: one that does not.
    """
    try:
        wave = read_audio(path, section.max_seconds)
    except AudioError as error:
        raise UnusableError(error.reason, error.detail) from None
    seconds, level = len(wave) / SAMPLE_RATE, level_dbfs(wave)
    if seconds < section.min_seconds:
        raise UnusableError("too short", f"{seconds:.2f} s")
    if level < section.min_dbfs:
        raise UnusableError("silent", f"{level:.0f} dBFS")
    if len(text) > seconds * section.max_characters_per_second:
        raise UnusableError("too fast", f"{len(text) / seconds:.1f} characters per second")
    return to_int16(wave)
