"""Counts of a prepared corpus, traits that its splits share, and warnings about both.

A warning is one line with the knob or file to check.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from voicegraft.preparing.bonds import LEARNT
from voicegraft.preparing.checks import Reject
from voicegraft.speech.manifest import SPLITS, TEXTLESS, UNLABELLED, Utterance

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
    used = {u.split for u in utterances}
    sides = [*SPLITS, *(side for side in TEXTLESS if side in used)]
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


FEWEST_CLIPS = 50
"""With fewer clips, texts are not compared with lengths."""
LEAST_KNOWN = 0.2
"""The lowest share of train's characters in dev. Alphabets reach 0.7, Chinese characters 0.25."""
MOST_UNKNOWN = 0.05
SLOWEST = 2.0
"""In characters per second. Languages have 5 to 8 syllables in a second of speech (Pellegrino,
Coupé and Marsico 2011, https://doi.org/10.1353/lan.2011.0057), each of a character at least; the
rest allows for pauses."""
LEAST_CORRELATION = 0.2
LEAST_SPREAD = 0.2
"""Standard deviation of log durations: with equal durations a correlation means nothing."""


def leaking(leaks: Counts) -> Iterator[str]:
    """Yield a line for each pair of splits with shared traits that must be disjoint."""
    for pair, counts in leaks.items():
        if found := [f"{n} {trait}" for trait, n in counts.items() if n]:
            yield (
                f"{pair.replace('-', ' and ')} share {', '.join(found)}: the corpus itself puts "
                f"them in both splits; leave its column split empty to have them kept apart"
            )


def doubtful_texts(utterances: Sequence[Utterance]) -> Iterator[str]:
    """Yield a line for each unlikely property of texts for transcription.

    Args:
        utterances: with their final split.
    """
    train, dev = ([u for u in utterances if u.split == side] for side in ("train", "dev"))
    if train and dev:
        yield from _vocabulary(_characters(train), _characters(dev))
    if len(train) >= FEWEST_CLIPS:
        yield from _lengths(train)


def _characters(utterances: Sequence[Utterance]) -> Counter[str]:
    return Counter(char for u in utterances for char in u.text if char != " ")


def _vocabulary(train: Counter[str], dev: Counter[str]) -> Iterator[str]:
    known = len(train.keys() & dev.keys())
    if known < LEAST_KNOWN * len(train):
        yield (
            f"dev has {known} of the {len(train)} characters of train; the others are not scored: "
            f"raise prepare_data.split.dev_share, or keep fewer signs by prepare_data.text"
        )
    unknown = sum(n for char, n in dev.items() if char not in train)
    if unknown > MOST_UNKNOWN * dev.total():
        yield (
            f"{unknown / dev.total():.0%} of the characters of dev are not in train and cannot "
            f"be predicted: see whether both are in one script, or change prepare_data.split.seed"
        )


def _lengths(train: Sequence[Utterance]) -> Iterator[str]:
    seconds = np.array([u.seconds for u in train])
    characters = np.array([len(u.text) for u in train])
    if (pace := np.median(characters / seconds)) < SLOWEST:
        yield (
            f"half of the clips of train have under {pace:.1f} characters per second, where speech "
            f"has 5 to 25: cut them to the speech of their texts, or leave out long ones by "
            f"prepare_data.check.max_seconds"
        )
    if min(np.log(seconds).std(), np.log(characters).std()) > LEAST_SPREAD:
        correlation = spearmanr(seconds, characters).statistic
        if correlation < LEAST_CORRELATION:
            yield (
                f"in train, longer clips have no longer texts (rank correlation "
                f"{correlation:.2f}): see whether each text of corpus.folder belongs to its file"
            )
