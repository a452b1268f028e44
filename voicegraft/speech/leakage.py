"""Count what the sides of a split have in common."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from voicegraft.speech.manifest import SPLITS, UNLABELLED, Utterance

Leakage = dict[str, dict[str, int]]


def leakage(clips: Sequence[Utterance], audio: Sequence[str]) -> Leakage:
    """Return how many speakers, sessions, texts and recordings each pair of sides shares.

    Args:
        clips: with the split they ended in.
        audio: a hash of the samples of each clip.
    """
    met = defaultdict(lambda: defaultdict(set))
    for clip, recording in zip(clips, audio, strict=True):
        own = {"speakers": clip.speaker, "sessions": clip.session, "texts": clip.text}
        for trait, value in (own | {"recordings": recording}).items():
            met[clip.split][trait].update({value} - {""})
    return {
        f"{one}-{other}": {trait: len(met[one][trait] & met[other][trait]) for trait in met[one]}
        for one, other in combinations(
            [split for split in (*SPLITS, UNLABELLED) if split in met], 2
        )
    }
