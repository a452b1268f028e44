"""Deal clips to train, dev and test so that nothing heard or read in one is met in another."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from voicegraft.params import Section
from voicegraft.speech.manifest import UNLABELLED, Utterance

Share = Annotated[float, Field(ge=0, lt=1)]

DROPPED = ""
"""In place of a split: the clip can stand on no side."""


class SplitSection(Section):
    """How clips without a split of their own are dealt."""

    seed: int = Field(ge=0)
    dev_share: Share
    test_share: Share
    unseen_share: Share
    unseen_speakers: Annotated[tuple[str, ...], Field(strict=False)]
    disjoint: Literal["text", "session", "speaker"]


class SplitError(ValueError):
    """The clips cannot be dealt as asked."""


def deal(clips: Sequence[Utterance], audio: Sequence[str], section: SplitSection) -> list[str]:
    """Return a split for each clip, or DROPPED.

    Splits that the corpus gives are kept; where it gives every clip one, a side it lacks is dealt
    from its train. Of the clips dealt, those that share a text, a recording or what `disjoint`
    names stay together, and with train if the corpus puts one of them there. A clip of an unseen
    voice is dropped if another voice says the same. Where clips have labels, each label is dealt in
    the same shares, and a text counts only if `disjoint` names it: all say the same few words.

    What is unlabelled is learnt from, so what is bound to it goes to train; it is dropped itself if
    the same recording is scored, or its voice is to be unseen.

    Args:
        clips: `split` is what the corpus says, or "".
        audio: a hash of the samples of each clip.
        section: the shares, of the clips dealt.

    Raises:
        SplitError: a side that should have clips gets none.
    """
    splits = [clip.split or "train" for clip in clips]
    shares = {"dev": section.dev_share, "test": section.test_share}
    lacking = [side for side in shares if side not in splits]
    free, strangers = _left_to_us(clips, lacking), _strangers(clips, section)
    learnt = ("train", UNLABELLED)
    dealt = [i for i, split in enumerate(splits) if split in learnt and i not in strangers]
    bonds = [_bonds(clips[i], audio[i], section.disjoint) for i in dealt]
    groups = [[dealt[member] for member in members] for members in group(bonds)]
    loose = [members for members in groups if free.issuperset(members)]
    for alike in _by_labels(clips, loose):
        part = sum(map(len, alike)) / sum(map(len, loose))
        targets = {side: shares[side] * len(free) * part for side in lacking}
        for members, side in zip(alike, _sides(alike, targets, section.seed), strict=True):
            for i in members:
                splits[i] = side
    said = {key for i in set(range(len(clips))) - strangers for key in _said(clips[i], audio[i])}
    for i in strangers:
        known = splits[i] == UNLABELLED or said.intersection(_said(clips[i], audio[i]))
        splits[i] = DROPPED if known else "unseen"
    scored = {audio[i] for i, split in enumerate(splits) if split not in (*learnt, DROPPED)}
    for i, clip in enumerate(clips):
        if clip.split == UNLABELLED and audio[i] in scored:
            splits[i] = DROPPED
    _check_sides(splits, shares, len(groups), section.disjoint)
    return splits


def _left_to_us(clips: Sequence[Utterance], lacking: Sequence[str]) -> set[int]:
    """Return the clips to deal: those without a split; if all have one, those of train."""
    none = {i for i, clip in enumerate(clips) if not clip.split}
    return none or {i for i, clip in enumerate(clips) if lacking and clip.split == "train"}


def _by_labels(clips: Sequence[Utterance], groups: list[list[int]]) -> list[list[list[int]]]:
    """Return the groups of clips parted by which labels they have, so that each is dealt evenly."""
    parted = defaultdict(list)
    for members in groups:
        parted[frozenset(clips[i].label for i in members)].append(members)
    return list(parted.values())


def _strangers(clips: Sequence[Utterance], section: SplitSection) -> set[int]:
    """Return the clips of voices held out: by name, or by share if the corpus has no side for them.

    Raises:
        SplitError: if nobody is called what is named.
    """
    everyone = {clip.speaker for clip in clips}
    if unknown := set(section.unseen_speakers) - everyone:
        raise SplitError(
            f"prepare_data.split.unseen_speakers: nobody is called {', '.join(sorted(unknown))}; "
            f"here are: {', '.join(sorted(everyone - {''})) or 'no names at all'}"
        )
    met = {clip.speaker for clip in clips if clip.split}
    voices = unseen_voices([c for c in clips if not c.split], section.unseen_share) - met
    voices |= set(section.unseen_speakers)
    return {i for i, clip in enumerate(clips) if clip.speaker in voices}


def unseen_voices(clips: Iterable[Utterance], share: float) -> set[str]:
    """Return the voices to hold out: fewest clips first, for as long as `share` has room."""
    counts = Counter(clip.speaker for clip in clips)
    room, voices = share * counts.total(), set()
    for voice, size in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if size > room:
            break
        if voice:
            voices.add(voice)
            room -= size
    return voices


def _said(clip: Utterance, audio: str) -> list[tuple[str, str]]:
    heard = [("audio", audio)]
    return heard if clip.label else [("text", clip.text), *heard]


def _bonds(clip: Utterance, audio: str, disjoint: str) -> list[tuple[str, str]]:
    """Return what holds a clip to others; a speaker or session not known holds it to none."""
    trait = getattr(clip, disjoint)
    return _said(clip, audio) + ([(disjoint, trait)] if trait else [])


def group(bonds: Sequence[Sequence[tuple[str, str]]]) -> list[list[int]]:
    """Return the connected components: indices of clips held together, directly or by others."""
    nodes = {bond: len(bonds) + n for n, bond in enumerate(sorted({b for bs in bonds for b in bs}))}
    links = np.array([(i, nodes[bond]) for i, own in enumerate(bonds) for bond in own]).reshape(
        -1, 2
    )
    size = len(bonds) + len(nodes)
    graph = coo_array((np.ones(len(links)), links.T), shape=(size, size))
    members = defaultdict(list)
    for i, label in enumerate(connected_components(graph, directed=False)[1][: len(bonds)]):
        members[label].append(i)
    return list(members.values())


def _sides(groups: Sequence[list[int]], targets: dict[str, float], seed: int) -> list[str]:
    """Fill the sides of `targets` (clips) evenly with groups, shuffled; the rest is train.

    A group of more than a third of a target never goes there: one recording is not a sample.
    """
    sides = ["train"] * len(groups)
    filled = dict.fromkeys(targets, 0)
    for i in np.random.default_rng(seed).permutation(len(groups)):
        size = len(groups[i])
        takers = [
            side
            for side, target in targets.items()
            if size <= min(target - filled[side] + 0.5, max(1, target / 3))
        ]
        if takers:
            sides[i] = min(takers, key=lambda side: filled[side] / targets[side])
            filled[sides[i]] += size
    return sides


def _check_sides(splits: list[str], shares: dict[str, float], groups: int, disjoint: str) -> None:
    wanted = ["train", *(side for side, share in shares.items() if share > 0)]
    if empty := [side for side in wanted if side not in splits]:
        raise SplitError(
            f"no clip is left for {' and '.join(empty)}: {len(splits)} clips make {groups} groups "
            f"with disjoint: {disjoint}; try another (text, session, speaker) or other shares"
        )
