"""Run the frozen upstream over every clip, once, and store its states.

Reads   UPSTREAM, as fetch_model or build_control writes it; CORPUS, as prepare_data writes it
Writes  EMBEDDINGS, a store: the states of the chosen layers, or their principal components,
        packed, in half precision;
        CACHE, kept between runs and corpora: all states by content, so that a clip
        is encoded again only if its audio, the upstream or the window changed; with
        shared_cache, what others encoded is fetched into it, and what is new is sent
Knobs   extract_embeddings: layers, margin_seconds, speeds, augment, components, precision,
        batch_seconds, cache_gigabytes, shared_cache
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
import time
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import encode, fill
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.knobs import ExtractEmbeddings, layers_of
from voicegraft.embedding.reduction import reduce_store
from voicegraft.embedding.store import write_store
from voicegraft.embedding.takes import degraded_takes, takes
from voicegraft.model import upstream as upstreams
from voicegraft.model.precision import Precision, bound_cache, on_this_machine
from voicegraft.pipeline.command import pace, run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import UNLABELLED, Corpus


def facts_of(
    folder: Path,
    upstream: upstreams.Upstream,
    params: ExtractEmbeddings,
    precision: Precision,
) -> dict:
    """Return the facts about the states for readers of the store."""
    augment = [degradation.model_dump(exclude_defaults=True) for degradation in params.augment]
    return {
        "upstream": upstreams.name_in(folder),
        "upstream_config": upstream.config,
        "margin_seconds": params.margin_seconds,
        "silence_frames": upstream.silence_frames(params.margin_seconds),
        "speeds": params.speeds,
        "precision": precision,
    } | ({"augment": augment} if augment else {})


def report(seconds_of_audio: float, recalled: float, seconds: float) -> None:
    """Print the amount of stored audio, the speed, and the amount found in the cache."""
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


def opened(folder: Path, params: ExtractEmbeddings) -> Cache:
    """Return the cache in a folder, in front of the shared one if there is one."""
    shared = None
    if params.shared_cache:
        from voicegraft.embedding.shared import SharedCache

        shared = SharedCache(params.shared_cache)
    return Cache(folder, round(params.cache_gigabytes * 1e9), shared)


def main(upstream: Path, corpus: Path, cache: Path, embeddings: Path) -> None:
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    bound_cache()
    model, clips = upstreams.load(upstream), Corpus(corpus)
    control = upstreams.is_control(upstreams.name_in(upstream))
    stored = layers_of(len(model.blocks), params.layers, control)
    margin = params.margin_seconds
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    chosen = takes(clips.utterances, params.speeds, model.max_samples)
    learnt = clips.of("train", UNLABELLED)
    chosen += [take for clip in learnt for take in degraded_takes(clip, params.augment)]
    frames = {take.id: model.frames(take.samples, margin) for take in chosen}
    precision = on_this_machine(params.precision, model)
    keys = keys_for(model, stored, margin, precision, clips)
    encoder = partial(encode, model, clips, stored, margin, precision, params.batch_seconds)
    facts = facts_of(upstream, model, params, precision)
    total, recalled = sum(take.seconds for take in chosen), 0.0
    began = time.monotonic()
    with (
        opened(cache, params) as kept,
        write_store(embeddings, stored, model.size, frames, facts) as store,
        tqdm(total=round(total), unit="s of audio", unit_scale=True) as bar,
    ):
        for take, fresh in fill(store, chosen, keys, kept, encoder):
            recalled += 0.0 if fresh else take.seconds
            bar.update(take.seconds)
    report(total, recalled, time.monotonic() - began)
    if params.components != "all":
        reduce(embeddings, clips, params.components)


if __name__ == "__main__":
    run_stage(main)
