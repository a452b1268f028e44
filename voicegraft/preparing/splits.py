"""Deal clips to train, dev and test so that no text, recording or speaker leaks between splits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from voicegraft.pipeline.params import Section
from voicegraft.preparing.bonds import LEARNT, bonds_of, bound_to_scored, content_bonds, group
from voicegraft.speech.manifest import UNLABELLED, Utterance

Share = Annotated[float, Field(ge=0, lt=1)]

DROPPED = ""
"""In place of a split: the clip is left out."""
LEAKING = "text or recording in another split too"
UNSEEN_TOO = "unlabelled, but scored too or of an unseen speaker"
BOUND = "bound to a clip that the corpus scores"

Reason = tuple[str, str]
"""Why a clip is dropped: a reason, the same for many clips, and the detail of this one."""


class SplitSection(Section):
    """How clips without a given split are dealt."""

    seed: int = Field(ge=0)
    dev_share: Share
    test_share: Share
    unseen_share: Share
    unseen_speakers: Annotated[tuple[str, ...], Field(strict=False)]
    disjoint: Literal["text", "session", "speaker"]
    forgotten_speakers: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Voices that are left out as if the corpus did not have them."""


class SplitError(ValueError):
    """The clips cannot be dealt as asked."""


def deal(
    clips: Sequence[Utterance], audio: Sequence[str], section: SplitSection
) -> tuple[list[str], dict[int, Reason]]:
    """Return a split for each clip, or DROPPED; and the reason for each dropped index.

    Splits given by the corpus are kept. If every clip has one, a missing split is dealt from train.
    A clip without a split is dropped if it shares a text, a recording or the trait `disjoint` with
    a clip that the corpus puts in dev or test: a given test set is unchanged, and not trained on.
    It is also dropped if it shares a text, a recording or a speaker with a clip marked as unseen. A
    clip marked as train stays there, whatever it shares.

    Dealt clips that share a text, a recording or the trait `disjoint` stay together, and in train
    if the corpus puts one of them there. A clip of an unseen speaker is dropped if a clip in
    another split has the same text or recording; its session may be in other splits. If clips have
    labels, each label is dealt in the same shares, and a shared text counts only if `disjoint` is
    text, because all clips have the same few words.

    Unlabelled clips are trained on, so clips that share a trait with them go to train. An
    unlabelled clip is dropped if it shares a trait with a clip that the corpus scores, if its
    recording is scored, or if its speaker is unseen.

    Args:
        clips: `split` is given by the corpus, or "".
        audio: a hash of the samples of each clip.
        section: the shares of dealt clips, and the seed.

    Raises:
        SplitError: if a split that should have clips gets none.
    """
    splits = [clip.split or "train" for clip in clips]
    shares = {"dev": section.dev_share, "test": section.test_share}
    lacking = [side for side in shares if side not in splits]
    unseen = _unseen_clips(clips, section)
    bound = bound_to_scored(clips, audio, section.disjoint, unseen)
    reasons = {i: (BOUND, why) for i, why in bound.items() if clips[i].split != "train"}
    for i in reasons:
        splits[i] = DROPPED
    dealt = [i for i, split in enumerate(splits) if split in LEARNT and i not in unseen]
    bonds = [bonds_of(clips[i], audio[i], section.disjoint) for i in dealt]
    groups = [[dealt[member] for member in members] for members in group(bonds)]
    free = _left_to_us(clips, lacking) - reasons.keys()
    targets = {side: shares[side] * len(free) for side in lacking}
    loose = [members for members in groups if (free - bound.keys()).issuperset(members)]
    for i, side in _dealt(clips, loose, targets, section.seed):
        splits[i] = side
    reasons |= _place_unseen(clips, audio, splits, unseen)
    _check_sides(splits, shares, len(groups), section.disjoint)
    return splits, reasons


def _dealt(
    clips: Sequence[Utterance], loose: list[list[int]], targets: dict[str, float], seed: int
) -> Iterator[tuple[int, str]]:
    """Yield the split of each clip in `loose`; each label gets its part of `targets`, in clips."""
    for alike in _by_labels(clips, loose):
        part = sum(map(len, alike)) / sum(map(len, loose))
        own = {side: target * part for side, target in targets.items()}
        for members, side in zip(alike, _sides(alike, own, seed), strict=True):
            yield from ((i, side) for i in members)


def _place_unseen(
    clips: Sequence[Utterance], audio: Sequence[str], splits: list[str], unseen: set[int]
) -> dict[int, Reason]:
    """Put clips of unseen speakers into `unseen`; return the clips dropped for it, with reasons."""
    elsewhere = [i for i, s in enumerate(splits) if i not in unseen and s not in ("unseen", "")]
    met = {key for i in elsewhere for key in content_bonds(clips[i], audio[i])}
    reasons = {}
    for i in unseen:
        known = splits[i] == UNLABELLED or met.intersection(content_bonds(clips[i], audio[i]))
        splits[i] = DROPPED if known else "unseen"
        if known:
            reasons[i] = (UNSEEN_TOO if clips[i].split == UNLABELLED else LEAKING, "")
    scored = {audio[i] for i, split in enumerate(splits) if split not in (*LEARNT, DROPPED)}
    for i, split in enumerate(splits):
        if split == UNLABELLED and audio[i] in scored:
            splits[i], reasons[i] = DROPPED, (UNSEEN_TOO, "")
    return reasons


def _left_to_us(clips: Sequence[Utterance], lacking: Sequence[str]) -> set[int]:
    """Return the clips to deal: those without a split; if all have one, those of train."""
    none = {i for i, clip in enumerate(clips) if not clip.split}
    return none or {i for i, clip in enumerate(clips) if lacking and clip.split == "train"}


def _by_labels(clips: Sequence[Utterance], groups: list[list[int]]) -> list[list[list[int]]]:
    """Return the groups of clips by their set of labels, so that each label is dealt evenly."""
    parted = defaultdict(list)
    for members in groups:
        parted[frozenset(clips[i].label for i in members)].append(members)
    return list(parted.values())


def _unseen_clips(clips: Sequence[Utterance], section: SplitSection) -> set[int]:
    """Return the clips of unseen speakers: by name, and by share among clips without a split.

    Raises:
        SplitError: if no speaker has a name in `unseen_speakers`.
    """
    everyone = {clip.speaker for clip in clips}
    if unknown := set(section.unseen_speakers) - everyone:
        raise SplitError(
            f"prepare_data.split.unseen_speakers: no speaker is {', '.join(sorted(unknown))}; "
            f"known: {', '.join(sorted(everyone - {''})) or 'none'}"
        )
    met = {clip.speaker for clip in clips if clip.split}
    voices = unseen_voices([c for c in clips if not c.split], section.unseen_share) - met
    voices |= set(section.unseen_speakers)
    return {i for i, clip in enumerate(clips) if clip.speaker in voices}


def unseen_voices(clips: Iterable[Utterance], share: float) -> set[str]:
    """Return the speakers to hold out: fewest clips first, up to `share` of the clips."""
    counts = Counter(clip.speaker for clip in clips)
    room, voices = share * counts.total(), set()
    for voice, size in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if size > room:
            break
        if voice:
            voices.add(voice)
            room -= size
    return voices


def _sides(groups: Sequence[list[int]], targets: dict[str, float], seed: int) -> list[str]:
    """Fill the splits of `targets`, in clips, evenly with shuffled groups; the rest is train.

    A group larger than a third of a target never goes there: one recording is not a sample.
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
        out = splits.count(DROPPED)
        raise SplitError(
            f"no clip is left for {' and '.join(empty)}: {len(splits) - out} clips make {groups} "
            f"groups with prepare_data.split.disjoint: {disjoint}"
            + (f", and {out} are left out, as they leak into what is scored" if out else "")
            + "; try another (text, session, speaker) or other shares"
        )
