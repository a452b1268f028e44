"""Turn a corpus into a manifest and 16 kHz audio: checked, normalised, split.

Reads   the corpus, through its plug-in, from corpus.folder; DOWNLOADS is kept between runs
Writes  CORPUS: manifest.csv, audio.npy, and rejects.csv with what was left out and why;
        REPORT, JSON: clips and hours by split, rejects by reason, what the sides share; for git
Knobs   task: transcription, or classification of clips with labels; corpus: name, language, folder,
        mirror; prepare_data: text, check, split, max_reject_share
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from pydantic import Field
from tqdm import tqdm

from voicegraft.command import run_stage
from voicegraft.corpora import Clip, CorpusSection, load_corpus
from voicegraft.packed import PackedWriter
from voicegraft.params import Section, load_params
from voicegraft.speech.census import census
from voicegraft.speech.checks import CheckSection, UnusableError, usable_samples
from voicegraft.speech.labels import check_labels, clean, gaps
from voicegraft.speech.manifest import UNLABELLED, Utterance, write_manifest
from voicegraft.speech.rejects import Reject, check_share, write_rejects
from voicegraft.speech.splits import DROPPED, SplitSection, deal
from voicegraft.speech.text import TextSection, normalise
from voicegraft.task import CLASSIFICATION, load_task
from voicegraft.whole import whole

LEAK = "said on another side too"
LEAKS = {UNLABELLED: "unlabelled, but scored too or of an unseen voice"}
"""Why a clip that would leak is left out."""


class PrepareData(Section):
    """What a clip must be, how its text is written, and how clips are dealt."""

    max_reject_share: float = Field(ge=0, le=1)
    text: TextSection
    check: CheckSection
    split: SplitSection


def as_task(clip: Clip, task: str) -> Clip:
    """Return the clip with what the task asks for: a problem if that is missing.

    What is unlabelled has no text either, even if somebody wrote one.
    """
    if clip.split == UNLABELLED:
        return replace(clip, text="", label="")
    if task == CLASSIFICATION:
        label = clean(clip.label)
        return replace(clip, label=label, problem=clip.problem or (not label and "no label") or "")
    return replace(clip, label="")


def examine(clip: Clip, params: PrepareData) -> tuple[str, np.ndarray | Reject]:
    """Return the normalised text of `clip`, and its samples or why it is left out."""
    text = normalise(clip.text, params.text)
    try:
        if clip.problem:
            raise UnusableError(clip.problem)
        if not (text or clip.label or clip.split == UNLABELLED):
            raise UnusableError("empty text")
        return text, usable_samples(clip.path, text, params.check)
    except UnusableError as error:
        return text, Reject(clip.id, str(clip.path), error.reason, error.detail)


def pack(
    clips: Sequence[Clip], params: PrepareData, path: Path
) -> tuple[list[Utterance], list[str], list[Reject]]:
    """Write the samples of what is usable to `path`; threads decode, the order is the corpus'.

    Returns:
        The utterances, with the splits that the corpus gives; a hash of the samples of each; the
        rejects.
    """
    jobs = (delayed(examine)(clip, params) for clip in clips)
    results = Parallel(os.cpu_count(), prefer="threads", return_as="generator")(jobs)
    bar = tqdm(results, "prepare_data", len(clips), unit="clip")
    utterances, audio, rejects = [], [], []
    with PackedWriter(path, np.int16) as packed:
        for clip, (text, samples) in zip(clips, bar, strict=True):
            if isinstance(samples, Reject):
                rejects.append(samples)
                continue
            own = clip.id, clip.split, clip.speaker, clip.session
            place = packed.append(samples), len(samples)
            utterances.append(Utterance(*own, *place, text, clip.label))
            audio.append(hashlib.sha256(samples).hexdigest())
    return utterances, audio, rejects


def main(downloads: Path, corpus: Path, report: Path) -> None:
    source = load_params(CorpusSection, "corpus")
    params = load_params(PrepareData, "prepare_data")
    task = load_task()
    found = load_corpus(source.name).clips(Path(source.folder), downloads, source)
    clips = [as_task(clip, task) for clip in found]
    corpus.mkdir(parents=True, exist_ok=True)
    utterances, audio, rejects = pack(clips, params, corpus / "audio.npy")
    check_share(rejects, len(clips), params.max_reject_share)
    if task == CLASSIFICATION:
        check_labels([u.label for u in utterances if u.split != UNLABELLED])
    sides = deal(utterances, audio, params.split)
    dealt = [(replace(u, split=s), a) for u, a, s in zip(utterances, audio, sides, strict=True)]
    kept = [(u, a) for u, a in dealt if u.split != DROPPED]
    files = {clip.id: str(clip.path) for clip in clips}
    dropped = [u for u, side in zip(utterances, sides, strict=True) if side == DROPPED]
    rejects += [Reject(u.id, files[u.id], LEAKS.get(u.split, LEAK)) for u in dropped]
    for gap in (
        gaps([u for u, _ in kept if u.split != UNLABELLED]) if task == CLASSIFICATION else ()
    ):
        print(f"prepare_data: {gap}", file=sys.stderr)
    write_manifest(corpus / "manifest.csv", [u for u, _ in kept])
    write_rejects(corpus / "rejects.csv", rejects)
    counts = census(*zip(*kept, strict=True), rejects)
    report.parent.mkdir(parents=True, exist_ok=True)
    with whole(report) as partial:
        partial.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
