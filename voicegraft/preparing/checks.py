"""Checks of clips and class labels, and the table of rejected clips with reasons."""

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from pydantic import Field, PositiveFloat

from voicegraft.pipeline.files import whole
from voicegraft.pipeline.params import Section
from voicegraft.speech.audio import AudioError, level_dbfs, read_audio, to_int16
from voicegraft.speech.manifest import SAMPLE_RATE, SPLITS, Utterance


class CheckSection(Section):
    """The bounds of a usable clip."""

    min_seconds: PositiveFloat
    max_seconds: PositiveFloat
    min_dbfs: float = Field(le=0)
    max_characters_per_second: PositiveFloat


class UnusableError(ValueError):
    """A clip fails a check; `reason` is short, to count by."""

    def __init__(self, reason: str, detail: str = ""):
        """Take a reason, the same for many clips, and the detail of this one."""
        super().__init__(f"{reason} {detail}")
        self.reason, self.detail = reason, detail


def usable_samples(
    audio: Path | np.ndarray | AudioError, text: str, section: CheckSection
) -> np.ndarray:
    """Return the samples, int16, 16 kHz, mono, of a clip that passes every check.

    Args:
        audio: a file; or the samples of a segment, float32, or why it has none.
        text: of the clip.
        section: the bounds.

    Raises:
        UnusableError: if the clip fails one.
    """
    try:
        wave = read_audio(audio, section.max_seconds) if isinstance(audio, Path) else audio
        if isinstance(wave, AudioError):
            raise wave
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


KNOBS = {
    "too short": "min_seconds",
    "too long": "max_seconds",
    "silent": "min_dbfs",
    "too fast": "max_characters_per_second",
}
"""The knob of prepare_data.check behind each reason."""


class RejectsError(ValueError):
    """Too large a share of the corpus is unusable."""


@dataclass(frozen=True)
class Reject:
    """A clip that is left out: `reason` is short, to count by; `detail` is of this clip."""

    id: str
    file: str
    reason: str
    detail: str = ""


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write a table of `rejects`, in the order given."""
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Reject))
        table.writerows(map(astuple, rejects))


def _named(reason: str) -> str:
    return f"{reason} (prepare_data.check.{KNOBS[reason]})" if reason in KNOBS else reason


def check_share(rejects: Sequence[Reject], clips: int, max_share: float) -> None:
    """Raise RejectsError, with reasons, counts and examples, if too large a share is left out."""
    if len(rejects) <= max_share * clips:
        return
    first = {r.reason: r for r in reversed(rejects)}
    counts = Counter(r.reason for r in rejects).most_common()
    lines = [
        f"  {n} {_named(why)}, such as {first[why].file} {first[why].detail}" for why, n in counts
    ]
    raise RejectsError(
        f"{len(rejects)} of {clips} clips are unusable, "
        f"more than prepare_data.max_reject_share ({max_share:g}) allows:\n" + "\n".join(lines)
    )


class LabelError(ValueError):
    """Labels that are probably mistakes."""


def clean(label: str) -> str:
    """Return a label in NFC with single spaces; case and signs are kept."""
    return " ".join(unicodedata.normalize("NFC", label).split())


def check_labels(labels: Sequence[str]) -> None:
    """Refuse labels that differ only in case or signs, and a single label.

    Raises:
        LabelError: naming them with their numbers of clips.
    """
    counts, spellings = Counter(labels), defaultdict(list)
    for label in sorted(counts):
        spellings[_letters(label)].append(label)
    doubtful = [alike for alike in spellings.values() if len(alike) > 1]
    if doubtful:
        listed = "; ".join(_counted(alike, counts) for alike in doubtful)
        raise LabelError(
            f"these labels look like spellings of the same: {listed}. Use one spelling"
        )
    if len(counts) < 2:
        raise LabelError(f"at least two classes are needed, not {_counted(counts, counts)}")


def gaps(utterances: Sequence[Utterance]) -> list[str]:
    """Return a line for each label that has no clip in some split."""
    sides = [side for side in SPLITS if any(u.split == side for u in utterances)]
    counts = Counter(u.label for u in utterances)
    met = {(u.label, u.split) for u in utterances}
    lacking = {label: [s for s in sides if (label, s) not in met] for label in sorted(counts)}
    return [
        f"label {_counted([label], counts)}: none in {' and '.join(found)}"
        for label, found in lacking.items()
        if found
    ]


def _letters(label: str) -> str:
    """Return a label without case, spaces and signs; the whole label if nothing would be left."""
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LMN") or label


def _counted(labels: Sequence[str], counts: Counter[str]) -> str:
    return ", ".join(f"{label!r} ({counts[label]} clips)" for label in labels) or "none"
