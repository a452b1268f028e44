"""Error rates with intervals for each split and each slice."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.bootstrap import resampled_rates
from voicegraft.evaluation.errors import rate
from voicegraft.evaluation.interval import rate_interval
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.slices import by_duration, by_split, slices
from voicegraft.pipeline.params import Section

DECIMALS = 4


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


def cer_by_duration(
    scores: Sequence[Score], params: Evaluate
) -> list[tuple[float, float, float, float, int]]:
    """Return (mean seconds, CER, low, high, clips) for each length bin of the first split."""
    first = next(iter(by_split(scores).values()))
    rows = []
    for group in by_duration(first, params.duration_edges_seconds).values():
        summary = summarise(group, params)
        mean_seconds = round(sum(s.seconds for s in group) / len(group), 2)
        rows.append((mean_seconds, *(summary[k] for k in ("cer", "cer_low", "cer_high", "clips"))))
    return rows


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
