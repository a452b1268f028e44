"""Measure by a trained head how well texts fit their clips, and how units agree with letters.

Reads   MODEL, a grafted model with a CTC head; CORPUS and EMBEDDINGS, as stages write
        them: neither the upstream nor a fine-tuned one is run
Writes  FOLDER, for git: suspects.csv, ids of clips with the largest log-likelihood gaps;
        units.csv, how well clusters of frames agree with characters, beside log-mel and chance
Knobs   align_texts: seed, draws, minutes, units, listed; privacy: committed_names,
        salt; corpus: name, for what is public

Each frame belongs to the character that the head emits nearest to it in a forced alignment of the
text. Characters spread evenly over the clip hardly agree with units: their V-measure is 0.03, and
0.29 with the head's alignment (50 units of Czech).
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from tqdm import tqdm

from voicegraft.embedding.store import Store
from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.model import ctc
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.exploration.alignment import emissions, misfit
from voicegraft.studies.exploration.suspects import misfits, write_table
from voicegraft.studies.exploration.units import NAME, Agreement, agreements, log_mel


class AlignTexts(Section):
    """Numbers of frames to cluster, and of texts to list."""

    seed: NonNegativeInt
    draws: Annotated[int, Field(ge=2)]
    minutes: PositiveFloat
    units: list[Annotated[int, Field(ge=2)]]
    listed: PositiveInt


def characters(emission: Tensor, clip: Utterance, labels: Sequence[str], frames: int) -> np.ndarray:
    """Return the character of each of the clip's `frames`, or "" if there is no alignment."""
    symbols = ctc.target(clip.text, labels)
    if not 0 < len(symbols) <= ctc.frames_needed(symbols) <= len(emission):
        return np.full(frames, "")
    place = ctc.align(emission, symbols)
    # A head may emit fewer frames than its input has; each covers the same time.
    emitted = np.arange(frames) * len(place) // max(frames, len(place))
    return np.array(labels)[symbols.numpy()[place]][emitted]


def aligned_by(
    model: GraftedModel, store: Store, clips: Sequence[Utterance], spelt: set[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the misfit of each text, (clips,), and the characters of frames for clips `spelt`."""
    wrong, found = [], {}
    bar = tqdm(emissions(model, store, clips), total=len(clips), unit="clip")
    for clip, emission in bar:
        wrong.append(misfit(emission, ctc.target(clip.text, model.labels)))
        if clip.id in spelt:
            letters = characters(emission, clip, model.labels, store.frames[clip.id])
            found[clip.id] = letters[: store.clip_frames(clip.id)]
    return np.array(wrong), found


def control_frames(corpus: Corpus, clip: Utterance, frames: int) -> np.ndarray:
    """Return log-mel frames of the clip, (frames, size), at the times of the store's frames."""
    found = log_mel(corpus, clip)
    return found[np.arange(frames) * len(found) // frames]


def clip_states(store: Store, clip: str, layer: int) -> np.ndarray:
    """Return the states of a clip without the silence after it, float32 (frames, size)."""
    return store.states(clip, layer)[: store.clip_frames(clip)].astype(np.float32)


def frame_units(
    corpus: Corpus,
    store: Store,
    clips: Sequence[Utterance],
    spelt: dict[str, np.ndarray],
    params: AlignTexts,
) -> Iterator[Agreement]:
    """Yield the agreement of clusters of frames with characters, by features."""
    names = np.concatenate([spelt[clip.id] for clip in clips])
    seeds = range(params.seed, params.seed + params.draws)
    for layer in (*store.facts["layers"], NAME):
        parts = [
            control_frames(corpus, clip, len(spelt[clip.id]))
            if layer == NAME
            else clip_states(store, clip.id, layer)
            for clip in clips
        ]
        features = layer if layer == NAME else f"layer {layer}"
        states = np.concatenate(parts)[names != ""]
        what = ("frames", features, "character")
        yield from agreements(what, states, names[names != ""], params.units, seeds)


def main(model: Path, corpus: Path, embeddings: Path, folder: Path) -> None:
    params, names = load_params(AlignTexts, "align_texts", STUDIES_FILE), load_names()
    speech, store, grafted = Corpus(corpus), Store(embeddings), load_model(model)
    clips = [clip for clip in speech.utterances if clip.text]
    train = [clip for clip in clips if clip.split == "train"]
    drawn = draw(train, min(params.minutes, minutes_of(train)), params.seed)
    wrong, spelt = aligned_by(grafted, store, clips, {clip.id for clip in drawn})
    doubtful = [asdict(found) for found in misfits(clips, wrong)]
    agreed = [asdict(found) for found in frame_units(speech, store, drawn, spelt, params)]
    folder.mkdir(parents=True, exist_ok=True)
    named = names.rows(doubtful[: params.listed], {"id": "clip", "speaker": "speaker"})
    write_table(folder / "suspects.csv", named)
    write_table(folder / "units.csv", agreed)


if __name__ == "__main__":
    run_stage(main)
