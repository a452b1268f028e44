"""Traits that two clips may share, such as a text or a speaker; such clips belong in one split."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from voicegraft.speech.manifest import TEXTLESS, Utterance

LEARNT = ("train", *TEXTLESS)
"""Splits for training; the others are scored."""

Bond = tuple[str, str]
"""A trait (text, recording, session or speaker) and its value."""


def content_bonds(clip: Utterance, audio: str) -> list[Bond]:
    """Return the bonds by recording and, for clips without a label, by text.

    Args:
        clip: the utterance.
        audio: a hash of its samples.
    """
    recording = [("recording", audio)]
    return recording if clip.label or not clip.text else [("text", clip.text), *recording]


def voice_bond(clip: Utterance) -> list[Bond]:
    """Return the bond by speaker, if the corpus names one."""
    return [("speaker", clip.speaker)] if clip.speaker else []


def bonds_of(clip: Utterance, audio: str, disjoint: str) -> list[Bond]:
    """Return all bonds of a clip; an unknown speaker or session makes none."""
    trait = getattr(clip, disjoint)
    return content_bonds(clip, audio) + ([(disjoint, trait)] if trait else [])


def group(bonds: Sequence[Sequence[Bond]]) -> list[list[int]]:
    """Return the connected components: lists of indices of clips with direct or indirect bonds."""
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


def bound_to_scored(
    clips: Sequence[Utterance], audio: Sequence[str], disjoint: str, unseen: set[int]
) -> dict[int, str]:
    """Return the unscored clips that share a bond with one that the corpus scores, with the reason.

    Args:
        clips: `split` is given by the corpus, or "".
        audio: a hash of the samples of each clip.
        disjoint: a further trait that two splits must not share: text, session or speaker.
        unseen: indices of clips of unseen speakers, which are ignored here.
    """
    sides: dict[Bond, str] = {}
    others = {}
    for i, clip in enumerate(clips):
        if i not in unseen and clip.split in ("", *LEARNT):
            others[i] = [*bonds_of(clip, audio[i], disjoint), *voice_bond(clip)]
        elif i not in unseen:
            sides |= dict.fromkeys(_bonds_of_scored(clip, audio[i], disjoint), clip.split)
    shared = {i: [bond for bond in own if bond in sides] for i, own in others.items()}
    return {i: f"its {own[0][0]} is in {sides[own[0]]}" for i, own in shared.items() if own}


def _bonds_of_scored(clip: Utterance, audio: str, disjoint: str) -> list[Bond]:
    """Return the bonds that no training clip may share with this scored clip.

    For `unseen` clips the speaker counts, not the session: it may have other speakers.
    """
    if clip.split == "unseen":
        return [*content_bonds(clip, audio), *voice_bond(clip)]
    return bonds_of(clip, audio, disjoint)
