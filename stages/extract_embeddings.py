"""Run the frozen upstream over every clip, once, and store what it says.

Reads   UPSTREAM, as fetch_model leaves it; CORPUS, as prepare_data leaves it
Writes  EMBEDDINGS, a store: the states of each layer asked for, packed, in half precision
Knobs   extract_embeddings: layers, margin_seconds, speeds, batch_seconds
"""

import sys
import time
from pathlib import Path

import torch
from pydantic import Field, PositiveFloat
from tqdm import tqdm

from voicegraft import upstreams
from voicegraft.command import run_stage
from voicegraft.embedding.encoding import encode_clips
from voicegraft.embedding.store import StoreWriter
from voicegraft.embedding.takes import Speed, takes
from voicegraft.params import Section, load_params
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus
from voicegraft.speech.pace import pace


class ExtractEmbeddings(Section):
    """Which layers, how much silence behind a clip, and at which speeds."""

    layers: list[int] = Field(min_length=1)
    margin_seconds: float = Field(ge=0)
    speeds: list[Speed]
    batch_seconds: PositiveFloat


def check_layers(layers: list[int], upstream: upstreams.Upstream) -> None:
    """Raise ValueError if the upstream lacks one of `layers`."""
    if wrong := [layer for layer in layers if not 0 <= layer <= len(upstream.blocks)]:
        raise ValueError(
            f"params.yaml: extract_embeddings.layers: the upstream has 0 to "
            f"{len(upstream.blocks)}, not {wrong}"
        )


def main(upstream: Path, corpus: Path, embeddings: Path) -> None:
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    model = upstreams.load(upstream)
    check_layers(params.layers, model)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    clips = Corpus(corpus)
    facts = {
        "upstream": upstreams.name_in(upstream),
        "upstream_config": model.config,
        "margin_seconds": params.margin_seconds,
        "speeds": params.speeds,
    }
    chosen = takes(clips.utterances, params.speeds, model.max_samples)
    began, total = time.monotonic(), sum(take.samples for take in chosen) / SAMPLE_RATE
    states = encode_clips(
        model, clips, chosen, params.layers, params.margin_seconds, params.batch_seconds
    )
    with (
        StoreWriter(embeddings, sorted(params.layers), model.size, facts) as store,
        tqdm(total=round(total), unit="s of audio", unit_scale=True) as bar,
    ):
        for take, layers in states:
            store.add(take.id, layers)
            bar.update(take.samples / SAMPLE_RATE)
    print(pace(total, time.monotonic() - began), file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
