"""Probe each layer of the frozen upstream: the variance of letters or classes that it explains.

Reads   UPSTREAM, as fetch_model writes it; CORPUS, as prepare_data writes it: some minutes of train
Writes  PROBED, a table for git: the share of variance that each layer explains, with intervals
Knobs   task; probe_layers: minutes; extract_embeddings: margin_seconds, precision,
        batch_seconds; evaluate: resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import PositiveFloat
from tqdm import tqdm

from voicegraft.embedding.extraction import encode
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.takes import Take
from voicegraft.evaluation.classes.open_set import evaluate_of
from voicegraft.model import upstream as upstreams
from voicegraft.model.precision import bound_cache, on_this_machine
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params, load_task
from voicegraft.pipeline.tables import write_records
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.probe import Probed, best_layer, probe

DRAW = 0
"""Seed of the draw of clips; intervals cover the variation by clips."""


class ProbeLayers(Section):
    """The amount of speech for probing."""

    minutes: PositiveFloat


def mean_states(
    upstream: Path, corpus: Corpus, clips: Sequence[Utterance], params: ExtractEmbeddings
) -> dict[int, np.ndarray]:
    """Return the mean of each clip's states, (clips, size), by layer, in one pass."""
    model = upstreams.load(upstream)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    layers, precision = range(len(model.blocks) + 1), on_this_machine(params.precision, model)
    how = params.margin_seconds, precision, params.batch_seconds
    means: dict[int, dict[str, np.ndarray]] = {layer: {} for layer in layers}
    with tqdm(total=len(clips), unit="clip") as bar:
        for batch in encode(model, corpus, layers, *how, [Take(clip) for clip in clips]):
            for take, states in batch.items():
                for layer in layers:
                    means[layer][take.id] = states[layer].mean(0, dtype=np.float64)
            bar.update(len(batch))
    return {layer: np.stack([of[clip.id] for clip in clips]) for layer, of in means.items()}


def in_words(probed: Sequence[Probed], what: str) -> str:
    """Return the results for the terminal."""
    lines = [
        f"layer {p.layer}: explains {p.explained:.3f} ({p.explained_low:.3f} to "
        f"{p.explained_high:.3f}) of the variance of {what}"
        for p in probed
    ]
    return "\n".join([*lines, f"the best: head.layer: {best_layer(probed)}"])


def main(upstream: Path, corpus: Path, probed: Path) -> None:
    params = load_params(ProbeLayers, "probe_layers", STUDIES_FILE)
    extraction = load_params(ExtractEmbeddings, "extract_embeddings")
    evaluate = load_params(evaluate_of(load_task()), "evaluate")
    bound_cache()
    speech = Corpus(corpus)
    train = [clip for clip in speech.of("train") if clip.text or clip.label]
    clips = draw(train, min(params.minutes, minutes_of(train)), DRAW)
    found = probe(mean_states(upstream, speech, clips, extraction), clips, evaluate)
    write_records(probed, Probed, found)
    print(in_words(found, "the classes" if train[0].label else "the letters"), file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
