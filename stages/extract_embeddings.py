"""Run the frozen upstream over every clip, once, and store its states.

Reads   UPSTREAM, as fetch_model or build_control writes it; CORPUS, as prepare_data writes it
Writes  EMBEDDINGS, a store: the states of the chosen layers, or their principal components,
        packed, in half precision;
        CACHE, kept between runs and corpora: all states by content, so that a clip
        is encoded again only if its audio, the upstream or the window changed; with
        shared_cache, what others encoded is fetched into it, and what is new is sent
Knobs   extract_embeddings: layers, margin_seconds, speeds, augment, components, states, precision,
        batch_seconds, cache_gigabytes, shared_cache, engine

With --shard 2/8, it encodes the second of eight parts into CACHE, and writes no EMBEDDINGS: a run
without --shard does, once all parts are there (docs/scale.md).
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import math
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import fill, keep
from voicegraft.embedding.extractor import Extractor, opened
from voicegraft.embedding.kept import SHARDS, KeptShards
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.node import job_of
from voicegraft.embedding.on_ray import fill_cache
from voicegraft.embedding.quantisation import HALF, STATES
from voicegraft.embedding.reduction import reduce_store
from voicegraft.embedding.takes import clip_by_clip
from voicegraft.embedding.writer import write_store
from voicegraft.pipeline.command import pace, run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus


def facts_of(extractor: Extractor) -> dict:
    """Return the facts about the states for readers of the store."""
    params, upstream = extractor.params, extractor.upstream
    augment = [degradation.model_dump(exclude_defaults=True) for degradation in params.augment]
    unusual = {"augment": augment, STATES: params.states if params.states != HALF else None}
    return {
        "upstream": extractor.name,
        "upstream_config": upstream.config,
        "margin_seconds": params.margin_seconds,
        "silence_frames": upstream.silence_frames(params.margin_seconds),
        "speeds": params.speeds,
        "precision": extractor.precision,
    } | {name: value for name, value in unusual.items() if value}


def report(seconds_of_audio: float, recalled: float, seconds: float) -> None:
    """Print the amount of audio, the speed, and the amount found in the cache."""
    line = pace(seconds_of_audio, seconds)
    print(f"{line}; {recalled / 3600:.2f} hours were in the cache", file=sys.stderr)


def reduce(embeddings: Path, corpus: Corpus, components: int) -> None:
    """Reduce each layer to so many principal components, and print their share of the variance."""
    train = [clip.id for clip in corpus.of("train")]
    for layer, share in reduce_store(embeddings, train, components).items():
        print(
            f"layer {layer}: {components} components keep {share:.1%} of the variance",
            file=sys.stderr,
        )


def parsed(shard: str) -> tuple[int, int]:
    """Return the number of a part, and of how many, from such as 2/8.

    Raises:
        ValueError: if it is something else.
    """
    number, slash, parts = shard.partition("/")
    if not (slash and number.isdecimal() and parts.isdecimal() and 0 < int(number) <= int(parts)):
        raise ValueError(f"--shard {shard}: it must be such as 2/8, from 1/8 to 8/8")
    return int(number), int(parts)


def encode_part(extractor: Extractor, cache: Cache, number: int, parts: int) -> None:
    """Encode one of so many parts of the takes into the cache."""
    if not extractor.params.shared_cache:
        extractor.check_room()
    chosen, began, recalled = extractor.part(number, parts), time.monotonic(), 0.0
    total = sum(take.seconds for take in chosen)
    with bar_of(total) as bar:
        for some, fresh in keep(chosen, extractor.keys, cache, extractor.encode):
            seconds = sum(take.seconds for take in some)
            recalled += 0.0 if fresh else seconds
            bar.update(seconds)
    report(total, recalled, time.monotonic() - began)


def encode_on_cluster(extractor: Extractor, upstream: Path, corpus: Path, cache: Cache) -> None:
    """Encode what the cache lacks on all nodes of a cluster of Ray, into the cache."""
    extractor.check_room()
    job = job_of(extractor, upstream, corpus, cache.folder)
    with bar_of(sum(take.seconds for take in extractor.takes)) as bar:
        fill_cache(extractor, job, cache, bar)


def compose(extractor: Extractor, cache: Cache, embeddings: Path) -> None:
    """Write the store, of what is in the cache and what is encoded for it."""
    facts, frames, began = facts_of(extractor), extractor.frames(), time.monotonic()
    order = [take.id for take in clip_by_clip(extractor.takes, extractor.corpus.utterances)]
    places = frames, facts, order, kept_shards(cache.folder, extractor.params)
    total, recalled = sum(take.seconds for take in extractor.takes), 0.0
    with (
        write_store(embeddings, extractor.layers, extractor.upstream.size, *places) as store,
        bar_of(total) as bar,
    ):
        for take, fresh in fill(store, extractor.takes, extractor.keys, cache, extractor.encode):
            recalled += 0.0 if fresh else take.seconds
            bar.update(take.seconds)
    report(total, recalled, time.monotonic() - began)


def kept_shards(cache: Path, params: ExtractEmbeddings) -> KeptShards | None:
    """Return the shards of earlier stores; of components there are none, as they change at once."""
    if params.components != "all" or not params.cache_gigabytes:
        return None
    return KeptShards(cache / SHARDS)


def bar_of(seconds: float) -> tqdm:
    """Return a progress bar over so much audio."""
    return tqdm(total=math.ceil(seconds), unit="s of audio", unit_scale=True)


def main(
    upstream: Path,
    corpus: Path,
    cache: Path,
    embeddings: Path,
    shard: Annotated[str, typer.Option(help="Encode one part alone, such as 2/8.")] = "",
) -> None:
    part = parsed(shard) if shard else None
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    extractor = Extractor(upstream, corpus, params)
    with opened(cache, params) as kept:
        if part:
            encode_part(extractor, kept, *part)
            return
        if params.engine == "ray":
            encode_on_cluster(extractor, upstream, corpus, kept)
        compose(extractor, kept, embeddings)
    if params.components != "all":
        reduce(embeddings, extractor.corpus, params.components)


if __name__ == "__main__":
    run_stage(main)
