"""The clips that tell most of a model: its best, its worst, and what lies in the middle."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicegraft.evaluation.errors import count_errors
from voicegraft.evaluation.report import worst
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.slices import by_split
from voicegraft.report.classes.clips import ClassClip
from voicegraft.report.findings import Findings
from voicegraft.report.ranks import ranked
from voicegraft.report.sound import as_mp3


@dataclass(frozen=True)
class Clip:
    """What a model made of a clip."""

    model: str
    rank: str  # worst, median or best of its side
    score: Score
    reference: str
    hypothesis: str

    @property
    def stale(self) -> bool:
        """Whether the texts are not those that were scored."""
        counted = count_errors(self.reference, self.hypothesis)
        return counted.character_edits != self.score.character_edits


def shown_clips(findings: Findings, models: Iterable[str], count: int) -> list[Clip]:
    """Return `count` of each rank for each model and side, where the texts are at hand."""
    return [
        Clip(model, rank, score, *texts[score.id])
        for model in models
        if (texts := findings.texts(model))
        for rank, score in _ranked_by_split(findings.scores(model), texts, count)
    ]


def ranked_by_cer(scores: Sequence[Score], count: int) -> Iterator[tuple[str, Score]]:
    """Yield (rank, score) from the worst to the best, no clip twice.

    Among the worst of equal rate the longer ones come first, for they cost more; among the best
    too, for they say more.
    """
    best = sorted(scores, key=lambda s: (s.cer, -s.characters, s.id))
    yield from ranked(worst(scores, count), best, count)


def recordings(findings: Findings, clips: Iterable[Clip | ClassClip]) -> dict[str, str]:
    """Return the sound of each clip once, as MP3 in base64; nothing without the corpus."""
    if findings.corpus is None:
        return {}
    utterances = {u.id: u for u in findings.corpus.utterances}
    wanted = sorted({clip.score.id for clip in clips} & utterances.keys())
    return {name: as_mp3(findings.corpus.samples(utterances[name])) for name in wanted}


def _ranked_by_split(
    scores: Sequence[Score], texts: Mapping[str, tuple[str, str]], count: int
) -> Iterator[tuple[str, Score]]:
    for of_split in by_split([s for s in scores if s.id in texts]).values():
        yield from ranked_by_cer(of_split, count)
