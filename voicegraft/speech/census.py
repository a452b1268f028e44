"""A prepared corpus in numbers: no name, no sentence, so it may be shown to anyone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from voicegraft.speech.leakage import leakage
from voicegraft.speech.manifest import SPLITS, UNLABELLED, Utterance
from voicegraft.speech.rejects import Reject


def census(
    utterances: Sequence[Utterance],
    audio: Sequence[str],
    rejects: Iterable[Reject],
    disjoint: str,
) -> dict[str, Any]:
    """Return counts by split, rejects by reason, what leaks, and what the sides share besides.

    Args:
        utterances: with the split they ended in.
        audio: a hash of the samples of each.
        rejects: what was left out.
        disjoint: what the split kept apart: text, session or speaker.
    """
    leaks, shared = leakage(utterances, audio, disjoint)
    sides = [*SPLITS, *([UNLABELLED] if any(u.split == UNLABELLED for u in utterances) else [])]
    return {
        "splits": {split: _split([u for u in utterances if u.split == split]) for split in sides},
        "rejects": dict(sorted(Counter(r.reason for r in rejects).items())),
        "leaks": leaks,
        "shared": shared,
    }


def _split(utterances: Sequence[Utterance]) -> dict[str, float]:
    return {
        "clips": len(utterances),
        "hours": round(sum(u.seconds for u in utterances) / 3600, 4),
        "characters": sum(len(u.text) for u in utterances),
        "speakers": len({u.speaker for u in utterances} - {""}),
        "sessions": len({u.session for u in utterances} - {""}),
    }
