"""Run the frozen upstream over every clip, once, and store what it says.

Reads   UPSTREAM, as fetch_model leaves it; CORPUS, as prepare_data leaves it
Writes  EMBEDDINGS, a store: the states of each layer asked for, packed, in half precision;
        CACHE, kept between runs and corpora: what was ever encoded, by content, so that a clip
        is encoded again only if its audio, the upstream or the window changed
Knobs   extract_embeddings: layers, margin_seconds, speeds, precision, batch_seconds,
        cache_gigabytes
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from pydantic import Field, NonNegativeFloat, PositiveFloat
from tqdm import tqdm

from voicegraft import upstream_folder, upstreams
from voicegraft.command import run_stage
from voicegraft.embedding.cache import Cache
from voicegraft.embedding.encoding import encode
from voicegraft.embedding.extraction import fill
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.store import write_store
from voicegraft.embedding.takes import Speed, takes
from voicegraft.onednn import bound_cache
from voicegraft.params import Section, load_params
from voicegraft.precision import Precision, on_this_machine
from voicegraft.speech.manifest import Corpus
from voicegraft.speech.pace import pace


class ExtractEmbeddings(Section):
    """Which layers, how much silence behind a clip, and at which speeds."""

    layers: list[int] = Field(min_length=1)
    margin_seconds: NonNegativeFloat
    speeds: list[Speed]
    precision: Literal["auto", "float32", "bfloat16"]
    batch_seconds: PositiveFloat
    cache_gigabytes: NonNegativeFloat


def layers_to_store(
    layers: list[int], alone: int | None, upstream: upstreams.Upstream
) -> list[int]:
    """Return `layers` in order, or the one that is wanted alone.

    Raises:
        ValueError: if the upstream lacks one of `layers`.
    """
    if alone is not None:
        return [min(alone, len(upstream.blocks))]
    if wrong := [layer for layer in layers if not 0 <= layer <= len(upstream.blocks)]:
        raise ValueError(
            f"params.yaml: extract_embeddings.layers: the upstream has 0 to "
            f"{len(upstream.blocks)}, not {wrong}"
        )
    return sorted(layers)


def facts_of(
    folder: Path, upstream: upstreams.Upstream, params: ExtractEmbeddings, precision: Precision
) -> dict:
    """Return what a reader of the store must know."""
    return {
        "upstream": upstream_folder.name_in(folder),
        "upstream_config": upstream.config,
        "margin_seconds": params.margin_seconds,
        "speeds": params.speeds,
        "precision": precision,
    }


def report(seconds_of_audio: float, recalled: float, seconds: float) -> None:
    """Say how much went into the store, how fast, and how much did not have to be encoded."""
    line = pace(seconds_of_audio, seconds)
    print(f"{line}; {recalled / 3600:.2f} hours were in the cache", file=sys.stderr)


LAYER_HELP = "Store this layer alone; the highest, of an upstream that has fewer (a control)."


def main(
    upstream: Path,
    corpus: Path,
    cache: Path,
    embeddings: Path,
    layer: Annotated[int | None, typer.Option(help=LAYER_HELP)] = None,
) -> None:
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    bound_cache()
    model, clips = upstream_folder.load(upstream), Corpus(corpus)
    layers, margin = layers_to_store(params.layers, layer, model), params.margin_seconds
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    chosen = takes(clips.utterances, params.speeds, model.max_samples)
    frames = {take.id: model.frames(take.samples, margin) for take in chosen}
    precision = on_this_machine(params.precision)
    keys = keys_for(upstream, model, layers, margin, precision, clips)
    encoder = partial(encode, model, clips, layers, margin, precision, params.batch_seconds)
    total, recalled = sum(take.seconds for take in chosen), 0.0
    began = time.monotonic()
    with (
        Cache(cache, round(params.cache_gigabytes * 1e9)) as kept,
        write_store(
            embeddings, layers, model.size, frames, facts_of(upstream, model, params, precision)
        ) as store,
        tqdm(total=round(total), unit="s of audio", unit_scale=True) as bar,
    ):
        for take, fresh in fill(store, chosen, keys, kept, encoder):
            recalled += 0.0 if fresh else take.seconds
            bar.update(take.seconds)
    report(total, recalled, time.monotonic() - began)


if __name__ == "__main__":
    run_stage(main)
