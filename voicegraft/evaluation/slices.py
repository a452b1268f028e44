"""Slices of a split: by speaker and by length."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from voicegraft.evaluation.scores import Score

OTHER_SPEAKERS = "other"


def by_split(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Group clips by split; test comes before unseen."""
    present = sorted({s.split for s in scores})
    return {split: [s for s in scores if s.split == split] for split in present}


def slices(
    scores: Sequence[Score], edges_seconds: Sequence[float], fewest_clips: int
) -> dict[str, dict[str, list[Score]]]:
    """Return the slices of `scores`: by length, and by speaker if speakers are known."""
    kinds = {
        "seconds": by_duration(scores, edges_seconds),
        "speaker": by_speaker(scores, fewest_clips),
    }
    return {kind: groups for kind, groups in kinds.items() if groups}


def by_speaker(scores: Sequence[Score], fewest_clips: int) -> dict[str, list[Score]]:
    """Group clips by speaker; speakers with fewer than `fewest_clips` are pooled as "other".

    Empty if the corpus does not name all speakers, or names only one.
    """
    clips = Counter(s.speaker for s in scores)
    if "" in clips or len(clips) == 1:
        return {}
    group = {name: name if n >= fewest_clips else OTHER_SPEAKERS for name, n in clips.items()}
    return _grouped(sorted(set(group.values())), [group[s.speaker] for s in scores], scores)


def by_duration(scores: Sequence[Score], edges_seconds: Sequence[float]) -> dict[str, list[Score]]:
    """Group clips by length, shortest first: `[2, 4]` gives "0-2", "2-4" and "4+" if not empty."""
    edges = [0, *edges_seconds]
    bins = [*(f"{low:g}-{high:g}" for low, high in pairwise(edges)), f"{edges[-1]:g}+"]
    names = [bins[bisect_right(edges, s.seconds) - 1] for s in scores]
    return _grouped(bins, names, scores)


def _grouped(
    order: Sequence[str], names: Sequence[str], scores: Sequence[Score]
) -> dict[str, list[Score]]:
    groups: dict[str, list[Score]] = {name: [] for name in order}
    for name, score in zip(names, scores, strict=True):
        groups[name].append(score)
    return {name: group for name, group in groups.items() if group}
