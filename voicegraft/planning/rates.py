"""How fast this machine encodes, measured on some batches as the stage runs them."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import fill
from voicegraft.embedding.extractor import Extractor
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.takes import Take
from voicegraft.embedding.writer import write_store
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance, write_manifest

PLENTY = 10**15
NOISE_CLIPS, NOISE_SECONDS = 200, 4.0
FEWEST = 4
"""Batches that are timed at least."""
COUNTED_SECONDS = 10.0
"""Audio whose arithmetic is counted."""


@dataclass(frozen=True)
class Rates:
    """What an hour costs. Takes are clips at all speeds, and as worse recordings.

    Attributes:
        encode: seconds to encode an hour of takes and to keep and store their states.
        compose: seconds to store an hour of takes that are in the cache.
        start: seconds until an encoder is ready.
        takes: hours of takes to an hour of recordings.
        clips: clips to an hour of recordings.
        layer_bytes: of the states of an hour of takes in one layer.
        operations: floating-point operations in an hour of takes.
        memory: bytes of this process at its peak.
        sample: seconds of audio that were encoded.
    """

    encode: float
    compose: float
    start: float
    takes: float
    clips: float
    layer_bytes: float
    operations: float
    memory: int
    sample: float


def measure(upstream: Path, corpus: Path, params: ExtractEmbeddings, seconds: float) -> Rates:
    """Encode evenly spread batches of a corpus for about so many seconds.

    Args:
        corpus: as prepare_data writes it; if there is none, noise is encoded.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not (corpus / "manifest.csv").is_file():
            write_noise(corpus := Path(folder) / "noise")
        began = time.perf_counter()
        extractor = Extractor(upstream, corpus, params)
        start = loading() + time.perf_counter() - began
        chosen = spread(extractor, seconds)
        encode, compose = (_timed(extractor, chosen, Path(folder)) for _ in range(2))
        operations = operations_of(extractor)
    hours = sum(take.seconds for take in chosen) / 3600
    recorded = sum(u.seconds for u in extractor.corpus.utterances) / 3600
    frames, everything = extractor.frames(), sum(take.seconds for take in extractor.takes) / 3600
    return Rates(
        encode=encode / hours,
        compose=compose / hours,
        start=start,
        takes=everything / recorded,
        clips=len(extractor.corpus.utterances) / recorded,
        layer_bytes=2 * extractor.upstream.size * sum(frames.values()) / everything,
        operations=operations,
        memory=peak_memory(),
        sample=hours * 3600,
    )


def loading() -> float:
    """Return the seconds in which a process of Python loads what encodes: for an hour, a tenth."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {Extractor.__module__}"], check=True)
    return time.perf_counter() - began


def write_noise(folder: Path) -> Corpus:
    """Write a prepared corpus of noise, of which all is to be learnt."""
    folder.mkdir(parents=True)
    rng, size, clips = np.random.default_rng(1), round(NOISE_SECONDS * SAMPLE_RATE), []
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        for number in range(NOISE_CLIPS):
            first = audio.append(rng.normal(0, 1000, size).astype(np.int16))
            clips.append(Utterance(f"noise{number}", "train", "", "", first, size, "noise"))
    write_manifest(folder / "manifest.csv", clips)
    return Corpus(folder)


def spread(extractor: Extractor, seconds: float) -> list[Take]:
    """Return takes in evenly spread batches, which take about so many seconds; after a warm-up."""
    batches = extractor.batches(extractor.takes)
    middle = batches[len(batches) // 2]
    for _ in range(2):  # the first one compiles
        began = time.perf_counter()
        list(extractor.encode(middle))
        took = time.perf_counter() - began
    number = min(len(batches), max(FEWEST, round(seconds / took)))
    places = np.linspace(0, len(batches) - 1, number).round().astype(int)
    return [take for place in places for take in batches[place]]


def _timed(extractor: Extractor, chosen: Sequence[Take], folder: Path) -> float:
    """Return the seconds of an extraction of these takes; of a second one, from the cache."""
    every = extractor.frames()
    frames = {take.id: every[take.id] for take in chosen}
    extractor.keys.cache_clear()
    began = time.perf_counter()
    with (
        Cache(folder / "cache", PLENTY) as cache,
        write_store(
            folder / "store", extractor.layers, extractor.upstream.size, frames, {}
        ) as store,
    ):
        for _ in fill(store, chosen, extractor.keys, cache, extractor.encode):
            pass
    return time.perf_counter() - began


def operations_of(extractor: Extractor) -> float:
    """Return the floating-point operations of an hour, as torch counts those of some takes."""
    chosen, audio = [], 0.0
    for take in extractor.takes[:: max(1, len(extractor.takes) // 10)]:
        if chosen and audio + take.seconds > COUNTED_SECONDS:
            break
        chosen.append(take)
        audio += take.seconds
    window = extractor.params.margin_seconds
    waves = [take.wave(extractor.corpus).to(extractor.upstream.device) for take in chosen]
    windows = [extractor.upstream.window(wave, window) for wave in waves]
    # Attention as plain products, which is how it can be counted.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        extractor.upstream.encode(windows, extractor.layers)
    return counter.get_total_flops() / audio * 3600


def peak_memory() -> int:
    """Return the most bytes that this process had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
