"""Class labels: spellings of the same label, and labels missing from a split."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from voicegraft.speech.manifest import SPLITS, Utterance


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
