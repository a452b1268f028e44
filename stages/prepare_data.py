"""Prepare a corpus: check clips, normalise texts, split, and write 16 kHz audio.

Reads   the corpus, through its plug-in, from corpus.folder; DOWNLOADS is kept between runs
Writes  CORPUS: manifest.csv, audio.npy, and rejects.csv with rejected clips and reasons;
        REPORT, JSON: clips and hours by split, rejects by reason, leaks between splits
        and other shared traits; for git
Knobs   task: transcription, or classification of clips with labels; corpus: name, language, folder,
        mirror; prepare_data: text, check, split, max_reject_share
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import whole
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.pipeline.params import CLASSIFICATION, load_params, load_task
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.preparing.background import background
from voicegraft.preparing.census import census, doubtful_texts, leaking
from voicegraft.preparing.checks import Reject, check_labels, check_share, gaps, write_rejects
from voicegraft.preparing.corpus import Clip, CorpusSection, load_corpus
from voicegraft.preparing.examination import PrepareData, as_task, examined
from voicegraft.preparing.splits import BOUND, DROPPED, deal
from voicegraft.speech.audio import legible
from voicegraft.speech.manifest import BACKGROUND, SPLITS, TEXTLESS, Utterance, write_manifest


def pack(
    clips: Sequence[Clip], params: PrepareData, packed: PackedWriter
) -> tuple[list[Utterance], list[str], list[Reject]]:
    """Write the samples of usable clips in the order of the corpus; threads decode.

    Returns:
        The utterances, with the splits given by the corpus; a hash of the samples of each; the
        rejects.
    """
    results = examined(clips, params)
    bar = tqdm(results, "prepare_data", len(clips), unit="clip")
    utterances, audio, rejects = [], [], []
    with closing(results):
        for clip, (text, samples) in zip(clips, bar, strict=True):
            if isinstance(samples, Reject):
                rejects.append(samples)
                continue
            own = clip.id, clip.split, clip.speaker, clip.session
            place = packed.append(samples), len(samples)
            utterances.append(Utterance(*own, *place, text, clip.label))
            audio.append(hashlib.sha256(samples).hexdigest())
    return utterances, audio, rejects


def with_background(
    kept: Sequence[tuple[Utterance, str]], packed: PackedWriter, share: float
) -> list[tuple[Utterance, str]]:
    """Return clips with hashes of their samples, and after them the background, which is written.

    It is made, and cut from pauses of train, for so many seconds of train's each.
    """
    train = [u for u, _ in kept if u.split == "train"]
    speech = [partial(packed.read, u.first_sample, u.samples) for u in train]
    made = []
    for samples in background(share * sum(u.seconds for u in train), speech):
        name, place = f"{BACKGROUND}/{len(made)}", (packed.append(samples), len(samples))
        clip = Utterance(name, BACKGROUND, "", "", *place, "")
        made.append((clip, hashlib.sha256(samples).hexdigest()))
    return [*kept, *made]


def notes(utterances: Sequence[Utterance], task: str, counts: dict[str, Any]) -> Iterator[str]:
    """Yield warnings about the corpus, one line each."""
    if left_out := counts["rejects"].get(BOUND):
        yield f"{left_out} clips are left out, {BOUND}: see rejects.csv for the shared traits"
    yield from leaking(counts["leaks"])
    if task == CLASSIFICATION:
        yield from gaps([u for u in utterances if u.split in SPLITS])
    else:
        yield from doubtful_texts(utterances)


def main(downloads: Path, corpus: Path, report: Path) -> None:
    source = load_params(CorpusSection, "corpus")
    params = load_params(PrepareData, "prepare_data")
    task = load_task()
    found = load_corpus(source.name).clips(Path(source.folder), downloads, source)
    gone = params.split.forgotten_speakers
    clips = [as_task(clip, task) for clip in found if clip.speaker not in gone]
    corpus.mkdir(parents=True, exist_ok=True)
    with PackedWriter(corpus / "audio.npy", np.int16) as packed:
        utterances, audio, rejects = pack(clips, params, packed)
        check_share(rejects, len(clips), params.max_reject_share)
        if task == CLASSIFICATION:
            check_labels([u.label for u in utterances if u.split not in TEXTLESS])
        sides, reasons = deal(utterances, audio, params.split)
        dealt = [(replace(u, split=s), a) for u, a, s in zip(utterances, audio, sides, strict=True)]
        kept = [(u, a) for u, a in dealt if u.split != DROPPED]
        kept = with_background(kept, packed, params.background_share)
    files = {clip.id: legible(clip.path) for clip in clips}
    left_out = [(utterances[i].id, *reason) for i, reason in sorted(reasons.items())]
    rejects += [Reject(name, files[name], why, detail) for name, why, detail in left_out]
    write_manifest(corpus / "manifest.csv", [u for u, _ in kept])
    write_rejects(corpus / "rejects.csv", rejects)
    counts = census(*zip(*kept, strict=True), rejects, params.split.disjoint)
    counts |= {KEY: provenance(corpus=corpus)}
    report.parent.mkdir(parents=True, exist_ok=True)
    with whole(report) as partial:
        partial.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    for line in notes([u for u, _ in kept], task, counts):
        print(f"prepare_data: {line}", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
