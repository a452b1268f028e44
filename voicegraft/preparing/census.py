"""Counts of a prepared corpus, and traits that its splits share."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from voicegraft.preparing.bonds import LEARNT
from voicegraft.preparing.checks import Reject
from voicegraft.speech.manifest import SPLITS, UNLABELLED, Utterance

TRAITS = ("speakers", "sessions", "texts", "recordings")

Counts = dict[str, dict[str, int]]
"""For each pair of splits, the number of shared values of each trait."""


def leakage(
    clips: Sequence[Utterance], audio: Sequence[str], disjoint: str
) -> tuple[Counts, Counts]:
    """Return how many values of each trait two splits share: of disjoint traits, and of the others.

    The first are 0 unless the corpus itself puts a value into two splits.

    Args:
        clips: with their final split.
        audio: a hash of the samples of each clip.
        disjoint: the trait of `prepare_data.split.disjoint`: text, session or speaker.
    """
    held = _held(clips, audio)
    labelled = any(clip.label for clip in clips)
    leaks, shared = {}, {}
    for one, other in _pairs(held):
        both = {trait: len(held[one][trait] & held[other][trait]) for trait in TRAITS}
        apart = kept_apart(one, other, disjoint, labelled)
        leaks[f"{one}-{other}"] = {trait: n for trait, n in both.items() if trait in apart}
        shared[f"{one}-{other}"] = {trait: n for trait, n in both.items() if trait not in apart}
    return leaks, shared


def kept_apart(one: str, other: str, disjoint: str, labelled: bool) -> set[str]:
    """Return the traits that two splits must not share.

    `unseen` differs from the rest in speaker, text and recording. Its sessions may be in other
    splits, as a recording of several people is one session. Clips with labels may share texts
    unless `disjoint` is text.
    """
    if {one, other} <= set(LEARNT):
        return set()
    content = {"recordings"} if labelled else {"texts", "recordings"}
    return content | ({"speakers"} if "unseen" in (one, other) else {f"{disjoint}s"})


def _held(clips: Sequence[Utterance], audio: Sequence[str]) -> dict[str, dict[str, set[str]]]:
    """Return the values of each trait by split."""
    held: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for clip, recording in zip(clips, audio, strict=True):
        own = (clip.speaker, clip.session, clip.text, recording)
        for trait, value in zip(TRAITS, own, strict=True):
            held[clip.split][trait].update({value} - {""})
    return held


def _pairs(sides: dict[str, dict[str, set[str]]]) -> Iterator[tuple[str, str]]:
    return combinations([side for side in (*SPLITS, UNLABELLED) if side in sides], 2)


def census(
    utterances: Sequence[Utterance],
    audio: Sequence[str],
    rejects: Iterable[Reject],
    disjoint: str,
) -> dict[str, Any]:
    """Return counts by split, rejects by reason, leaks, and other shared traits.

    Args:
        utterances: with their final split.
        audio: a hash of the samples of each.
        rejects: the clips left out.
        disjoint: text, session or speaker.
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
