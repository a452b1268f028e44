"""What a folder holds: hours, voices, clips that cannot be used, characters."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from voicegraft.checking.characters import (
    Odd,
    Tally,
    look_alikes,
    mixed_scripts,
    seldom,
    two_spellings,
)
from voicegraft.checking.signs import odd_signs
from voicegraft.pipeline.params import CLASSIFICATION, TRANSCRIPTION
from voicegraft.preparing.census import doubtful_texts
from voicegraft.preparing.checks import Reject
from voicegraft.preparing.corpus import Clip
from voicegraft.preparing.examination import PrepareData, as_task, examined
from voicegraft.preparing.splits import SplitError, SplitSection, deal
from voicegraft.preparing.text import TextSection
from voicegraft.speech.audio import legible
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance

FULL_SCALE = 32_600
"""Of 32,768: what was clipped before it was resampled or compressed is not quite at the top."""
FLAT_SAMPLES = 3
"""Clipped speech stays at the top; a peak of three samples at 16 kHz would be above 5 kHz."""
MOST_CLIPPED = 0.001
"""The share of samples at the top from which a clip is named."""


@dataclass
class Findings:
    """What was found; clips that are usable, or why they are not."""

    task: str
    clips: int = 0
    seconds: list[float] = field(default_factory=list)
    speakers: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    splits: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    sessions: set[str] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    max_reject_share: float = 1.0
    """Of all clips: with more rejects, prepare_data stops."""
    disjoint: str = ""
    """What to deal the clips by, where `prepare_data.split.disjoint` would leave a split empty."""
    clipped: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    """All characters of the texts as they are written."""
    letters: Tally = field(default_factory=Tally)
    """Those of the normalised texts, which a model would learn."""
    pace: float = 0.0
    """Characters per second of half of the clips."""
    doubts: list[str] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)


def task_of(clips: Sequence[Clip]) -> str:
    """Return the task for which there are texts or labels."""
    only_labels = any(c.label for c in clips) and not any(c.text for c in clips)
    return CLASSIFICATION if only_labels else TRANSCRIPTION


def examine(
    clips: Sequence[Clip], params: PrepareData, progress: Callable[[int], object]
) -> Findings:
    """Return what is found in clips by decoding each; `progress` is called with those just done."""
    found = Findings(task_of(clips), len(clips), max_reject_share=params.max_reject_share)
    own = [as_task(clip, found.task) for clip in clips]
    words, utterances, hashes = Tally(), [], []
    with closing(examined(own, params)) as results:
        for clip, (text, samples) in zip(own, results, strict=True):
            progress(1)
            found.written.update(clip.text)
            words.add(clip.text.split(" "), _file(clip))
            if isinstance(samples, Reject):
                found.rejects.append(samples)
                continue
            _count(found, clip, text, samples)
            hashes.append(hashlib.sha256(samples).hexdigest())
            about = clip.id, clip.split, clip.speaker, clip.session
            utterances.append(Utterance(*about, 0, len(samples), text, clip.label))
    first = {own: n for n, own in reversed(list(enumerate(hashes)))}
    found.copies = [u.id for n, u in enumerate(utterances) if first[hashes[n]] < n]
    found.disjoint = _other_trait(utterances, hashes, params.split)
    labelled = [replace(u, split="train") for u in utterances if u.text]
    found.doubts = list(doubtful_texts(labelled))
    found.pace = float(np.median([len(u.text) / u.seconds for u in labelled] or [0]))
    found.odd = list(oddities(words, found.letters, params.text))
    return found


def _other_trait(clips: Sequence[Utterance], audio: Sequence[str], section: SplitSection) -> str:
    """Return text if clips can be dealt by that alone, and not as the section says."""
    fails = []
    for trait in (section.disjoint, "text"):
        try:
            deal(clips, audio, section.model_copy(update={"disjoint": trait}))
        except SplitError:
            fails.append(trait)
    return "text" if fails == [section.disjoint] else ""


def _count(found: Findings, clip: Clip, text: str, samples: np.ndarray) -> None:
    """Count a usable clip."""
    seconds = len(samples) / SAMPLE_RATE
    found.seconds.append(seconds)
    found.speakers[clip.speaker] += seconds
    found.splits[clip.split] += 1
    found.sessions |= {clip.session} - {""}
    if clip.label:
        found.labels[clip.label] += 1
    if clipped_share(samples) > MOST_CLIPPED:
        found.clipped.append(clip.id)
    found.letters.add(text.replace(" ", ""), _file(clip))


def _file(clip: Clip) -> str:
    """Return the name of the file to listen to, or the row of a table."""
    return legible(clip.path.name) if clip.row is None else clip.id


def clipped_share(samples: np.ndarray) -> float:
    """Return the share of samples, int16, in runs of FLAT_SAMPLES and more at the top."""
    top = np.abs(samples.astype(np.int32)) >= FULL_SCALE
    edges = np.flatnonzero(np.diff(np.r_[False, top, False]))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= FLAT_SAMPLES].sum() / max(1, len(samples)))


def oddities(words: Tally, letters: Tally, section: TextSection) -> Iterator[Odd]:
    """Yield what is odd about the characters of texts.

    Args:
        words: as they are written, parted by plain spaces.
        letters: the characters of the normalised texts, which a model learns.
        section: how texts are normalised.
    """
    as_written = (mixed_scripts(words), two_spellings(words), look_alikes(words))
    named_already = set()
    for odd in chain(odd_signs(words, section), *as_written, seldom(letters)):
        if odd.character not in named_already:
            yield odd
        named_already.add(odd.character)
