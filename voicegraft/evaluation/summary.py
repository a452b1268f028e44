"""Error rates with intervals for each split and each slice, by speaker and by length."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.errors import rate
from voicegraft.evaluation.interval import rate_interval, resampled_rates
from voicegraft.evaluation.scores import Score
from voicegraft.pipeline.params import Section

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


DECIMALS = 4
CHOOSING = "dev"
"""The split that chooses: weights, thresholds, controls."""


def _increasing(edges: tuple[float, ...]) -> tuple[float, ...]:
    if list(edges) != sorted(set(edges)):
        raise ValueError("must increase")
    return edges


class Evaluate(Section):
    """Knobs of the section `evaluate`."""

    batch_seconds: PositiveFloat
    resamples: Annotated[int, Field(ge=1_000)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    seed: NonNegativeInt
    duration_edges_seconds: Annotated[
        tuple[PositiveFloat, ...], Field(strict=False), AfterValidator(_increasing)
    ]
    fewest_speaker_clips: PositiveInt


def metrics(scores: Sequence[Score], params: Evaluate) -> dict[str, Any]:
    """Return a summary for each split."""
    return {name: summarise(s, params) | _extent(s) for name, s in by_split(scores).items()}


def slice_metrics(scores: Sequence[Score], params: Evaluate) -> list[dict[str, Any]]:
    """Return a summary for each slice by speaker and length in each split, with their names."""
    return [
        {"split": split, "kind": kind, "slice": name} | summarise(group, params)
        for split, of_split in by_split(scores).items()
        for kind, groups in slices_by(params, of_split).items()
        for name, group in groups.items()
    ]


def slices_by(params: Evaluate, scores: Sequence[Score]) -> dict[str, dict[str, list[Score]]]:
    """Return the slices of `scores`, by the knobs of params.yaml."""
    return slices(scores, params.duration_edges_seconds, params.fewest_speaker_clips)


def summarise(scores: Sequence[Score], params: Evaluate) -> dict[str, float | int | str | bool]:
    """Return the error rates over all `scores`, each with its interval, and the blocks."""
    blocks = choose_blocks(scores)
    return {
        **_rate("cer", [(s.character_edits, s.characters) for s in scores], blocks, params),
        **_rate("wer", [(s.word_edits, s.words) for s in scores], blocks, params),
        "clips": len(scores),
        **rests_on(blocks),
    }


def rests_on(blocks: Blocks) -> dict[str, int | str | bool]:
    """Return the number and unit of an interval's blocks, and whether it is rough."""
    return {"blocks": blocks.count, "block_unit": blocks.unit, "rough": blocks.rough}


def _extent(scores: Sequence[Score]) -> dict[str, float | int]:
    characters = sum(s.characters for s in scores)
    return {
        "characters": characters,
        "words": sum(s.words for s in scores),
        "seconds": round(sum(s.seconds for s in scores), 1),
        # No model writes a character without a label: CER cannot be lower.
        "oov_floor": _rounded(rate(sum(s.unknown_characters for s in scores), characters)),
    }


def _rate(
    name: str, counts: Sequence[tuple[int, int]], blocks: Blocks, params: Evaluate
) -> dict[str, float]:
    edits, reference = zip(*counts, strict=True)
    value = rate(sum(edits), sum(reference))
    drawn = resampled_rates(edits, reference, blocks, params.resamples, params.seed)
    low, high = rate_interval(value, drawn, blocks, params.confidence)
    return {
        name: _rounded(value),
        f"{name}_low": _rounded(low),
        f"{name}_high": _rounded(high),
    }


def _rounded(value: float) -> float:
    return round(value, DECIMALS)
