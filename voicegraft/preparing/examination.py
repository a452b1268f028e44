"""Examine the clips of a corpus, in threads: the normalised text, and the samples or the fault."""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from pydantic import Field

from voicegraft.pipeline.params import CLASSIFICATION, Section
from voicegraft.preparing.checks import CheckSection, Reject, UnusableError, clean, usable_samples
from voicegraft.preparing.corpus import Clip
from voicegraft.preparing.parquet import audio_in_tables
from voicegraft.preparing.segments import audio_of
from voicegraft.preparing.splits import SplitSection
from voicegraft.preparing.text import TextSection, normalise
from voicegraft.speech.audio import AudioError, legible
from voicegraft.speech.manifest import TEXTLESS

CLIPS_AHEAD = 64
Audio = Path | np.ndarray | AudioError
Examined = tuple[str, np.ndarray | Reject]


class PrepareData(Section):
    """The section `prepare_data`: checks of clips, normalisation of texts, and splits."""

    max_reject_share: float = Field(ge=0, le=1)
    background_share: float = Field(ge=0, le=2)
    """Seconds of sounds without speech that are made for a second of train."""
    text: TextSection
    check: CheckSection
    split: SplitSection


def as_task(clip: Clip, task: str) -> Clip:
    """Return the clip with the fields of the task; `problem` is set if its label is missing.

    The text and label of an unlabelled clip are dropped, and of one without speech.
    """
    if clip.split in TEXTLESS:
        return replace(clip, text="", label="")
    if task == CLASSIFICATION:
        label = clean(clip.label)
        return replace(clip, label=label, problem=clip.problem or (not label and "no label") or "")
    return replace(clip, label="")


def examined(clips: Sequence[Clip], params: PrepareData) -> Generator[Examined, None, None]:
    """Yield what `_examine` returns, in order; threads decode some clips ahead, and then wait.

    The threads are joined in any case: one that Python cuts off inside the resampler aborts it.
    """
    ahead: deque[Future[Examined]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for clip, audio in zip(clips, _opened(clips, params.check.max_seconds), strict=True):
            ahead.append(pool.submit(_examine, clip, audio, params))
            if len(ahead) > CLIPS_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _opened(clips: Iterable[Clip], max_seconds: float) -> Iterator[Audio]:
    """Yield the file of each clip, or its samples, of segments and rows: a file is opened once."""
    for (_, whole, row), own in groupby(clips, _place):
        if row:
            yield from audio_in_tables(own, max_seconds)
        elif whole:
            yield from (clip.path for clip in own)
        else:
            yield from audio_of(own, max_seconds)


def _place(clip: Clip) -> tuple[Path, bool, bool]:
    return clip.path, clip.end is None, clip.row is not None


def _examine(clip: Clip, audio: Audio, params: PrepareData) -> Examined:
    """Return the normalised text of `clip`, and its samples or the reason to reject it."""
    text = normalise(clip.text, params.text)
    try:
        if clip.problem:
            raise UnusableError(clip.problem)
        if not (text or clip.label or clip.split in TEXTLESS):
            raise UnusableError("empty text")
        return text, usable_samples(audio, text, params.check)
    except UnusableError as error:
        return text, Reject(clip.id, legible(clip.path), error.reason, error.detail)
