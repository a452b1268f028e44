"""Tiers of annotated recordings: which of them `corpus.tier` means, and their clips."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from voicegraft.preparing.corpus import Clip, CorpusError
from voicegraft.preparing.paths import name_within
from voicegraft.preparing.segments import Segment, clips_of


@dataclass(frozen=True)
class Tier:
    """A row of annotations."""

    name: str
    segments: Sequence[Segment]
    kind: str = ""  # linguistic type
    speaker: str = ""  # participant, "" if unknown
    depends: bool = False  # on another tier

    def is_empty(self) -> bool:
        """Return whether no segment has a text."""
        return not any(segment.text.strip() for segment in self.segments)


@dataclass(frozen=True)
class Annotation:
    """An annotation file: its recording and tiers."""

    path: Path
    sound: Path
    tiers: Sequence[Tier]


def clips_of_files(
    paths: Sequence[Path], read: Callable[[Path], Annotation], folder: Path, wanted: str
) -> Iterator[Clip]:
    """Yield the clips of the tiers that `wanted`, `corpus.tier`, means, file by file.

    A file without such a tier, and an empty tier, are clips with that problem, so that they are
    counted. The speaker is the participant, or else, where a file has several such tiers, the tier.

    Raises:
        CorpusError: if it is not clear which tier is meant, or no file has it: naming all tiers.
    """
    found, known = False, set()
    for path in paths:
        annotation = read(path)
        known |= {name for tier in annotation.tiers for name in (tier.name, tier.kind) if name}
        tiers = _meant(annotation, wanted)
        found = found or bool(tiers)
        yield from _clips(annotation, tiers, folder)
    if not found and wanted:
        raise CorpusError(
            f"corpus.tier: no tier or linguistic type in {folder} is {wanted!r}; "
            f"here are: {', '.join(sorted(known)) or 'none'}"
        )


def _clips(annotation: Annotation, tiers: Sequence[Tier], folder: Path) -> Iterator[Clip]:
    name = name_within(annotation.path, folder)
    session = name_within(annotation.sound, folder)
    if not tiers:
        yield Clip(id=name, path=annotation.path, text="", problem="no such tier")
    for tier in tiers:
        if tier.is_empty():
            yield Clip(f"{name}/{tier.name}", annotation.path, "", problem="empty tier")
    segments = [
        replace(segment, speaker=tier.speaker or (tier.name if len(tiers) > 1 else ""))
        for tier in tiers
        if not tier.is_empty()
        for segment in tier.segments
    ]
    yield from clips_of(segments, name, annotation.sound, session)


def _meant(annotation: Annotation, wanted: str) -> list[Tier]:
    """Return the tiers whose name or linguistic type is `wanted`, a pattern as of files.

    If "" is wanted, return the only tier with a text that depends on no other; or several, if each
    has a participant of its own and all have the same type.
    """
    if wanted:
        tiers = annotation.tiers
        return [t for t in tiers if fnmatchcase(t.name, wanted) or fnmatchcase(t.kind, wanted)]
    top = [tier for tier in annotation.tiers if not tier.depends]
    spoken = [tier for tier in top if not tier.is_empty()] or top[:1]
    speakers = {tier.speaker for tier in spoken}
    alike = len({tier.kind for tier in spoken}) == 1 and "" not in speakers
    if len(spoken) > 1 and not (alike and len(speakers) == len(spoken)):
        listed = ", ".join(f"{t.name!r} ({t.kind or 'of no type'})" for t in annotation.tiers)
        raise CorpusError(
            f"corpus.tier: which tier of {annotation.path} has the text? Name it, or its type, or "
            f"a pattern such as '*'; here are: {listed}"
        )
    return spoken
