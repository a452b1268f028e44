"""Encoding clips: ours against transformers, against faster-whisper, and against the machine.

    python -m benchmarks.encoding models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them: every third clip of test, as peers pad them
        all to 30 s and take minutes a round for these alone
Writes  benchmarks/results.json, its part `encoding`
Knobs   extract_embeddings: margin_seconds, precision, batch_seconds
"""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peers import FasterWhisper, Transformers
from benchmarks.results import keep
from benchmarks.timing import in_turn, ratio
from voicegraft.embedding.extraction import encode
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.takes import Take
from voicegraft.model import upstream as upstreams
from voicegraft.model.precision import on_this_machine, products_in
from voicegraft.model.upstream import Upstream
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance

WINDOW_SECONDS = 30
PRODUCT_SIZE = 2048
PRODUCTS = 40


class Ours:
    """Our encoder over clips of a corpus, as the stage runs it."""

    def __init__(self, upstream: Upstream, corpus: Corpus, params: ExtractEmbeddings):
        self.upstream, self.corpus, self.params = upstream, corpus, params

    def __call__(self, precision: str, utterances: Sequence[Utterance]) -> None:
        """Encode to the last layer, in half precision, and let go of it."""
        takes, last = [Take(u) for u in utterances], [len(self.upstream.blocks)]
        window = self.params.margin_seconds, precision, self.params.batch_seconds
        for _ in encode(self.upstream, self.corpus, last, *window, takes):
            pass

    def operations(self, utterances: Sequence[Utterance]) -> int:
        """Return the floating-point operations of all products and convolutions, as torch counts
        them; attention as plain products, which is how it can be counted."""
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            with torch.no_grad():
                for utterance in utterances:
                    wave = Take(utterance).wave(self.corpus)
                    window = self.upstream.window(wave, self.params.margin_seconds)
                    self.upstream.encode([window], [len(self.upstream.blocks)])
        return counter.get_total_flops()


def products() -> None:
    """Multiply large float32 matrices: what the machine can do at most."""
    a = torch.ones(PRODUCT_SIZE, PRODUCT_SIZE)
    for _ in range(PRODUCTS):
        a @ a


def whole_windows(waves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the clips end to end, cut into full windows."""
    joined = np.concatenate(waves)
    length = WINDOW_SECONDS * SAMPLE_RATE
    return np.split(joined[: len(joined) // length * length], len(joined) // length)


def encode_windows(upstream: Upstream, precision: str, windows: Sequence[np.ndarray]) -> None:
    """Encode full windows one by one."""
    with torch.inference_mode(), products_in(precision, torch.device("cpu")):
        for window in windows:
            upstream.encode([torch.from_numpy(window)], [len(upstream.blocks)])


def against(ours: str, seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return how many times as long as `ours` the others took."""
    return {name: ratio(took, seconds[ours]) for name, took in seconds.items() if name != ours}


def share_of_limit(operations: int, ours: list[float], products: list[float]) -> dict[str, float]:
    """Return the operations needed a second, over those of a large float32 product."""
    limit = [PRODUCTS * 2 * PRODUCT_SIZE**3 / seconds for seconds in products]
    shares = [operations / took / rate for took, rate in zip(ours, limit, strict=True)]
    return {"ratio": statistics.median(shares), "low": min(shares), "high": max(shares)}


def compare(ways: dict[str, Callable], clips: Sequence, rounds: int) -> dict[str, list[float]]:
    """Time the ways on `clips` in turn, each warmed up by a few of them."""
    for way in ways.values():
        way(clips[:8])
    return in_turn({name: partial(way, clips) for name, way in ways.items()}, rounds)


def main(upstream: Path, corpus: Path, rounds: int = 5, every: int = 3) -> None:
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    model, speech = upstreams.load(upstream), Corpus(corpus)
    chosen = speech.of("test")[::every]
    ours, fast = Ours(model, speech, params), on_this_machine(params.precision, model)
    peers = {
        "transformers": Transformers(upstream),
        "faster-whisper float32": FasterWhisper(upstream, "float32"),
        "faster-whisper int8": FasterWhisper(upstream, "int8"),
    }
    waves = [speech.wave(u) for u in chosen]
    ways = {
        "ours": partial(ours, fast),
        "ours in float32": partial(ours, "float32"),
        "products": lambda _: products(),
    }
    ways |= {
        name: lambda some, peer=peer: peer([speech.wave(u) for u in some])
        for name, peer in peers.items()
    }
    as_they_come = compare(ways, chosen, rounds)
    ways = {"ours": partial(encode_windows, model, fast)} | peers
    full = compare(ways, whole_windows(waves), rounds)
    audio, needed = sum(u.seconds for u in chosen), ours.operations(chosen)
    limit = as_they_come.pop("products")
    keep(
        "encoding",
        {
            "clips": len(chosen),
            "audio_seconds": audio,
            "precision": fast,
            "seconds": as_they_come | {"products": limit},
            "seconds_full_windows": full,
            "times_real_time": audio / statistics.median(as_they_come["ours"]),
            "clips_as_they_come": against("ours", as_they_come),
            "full_windows": against("ours", full),
            "share_of_limit": {
                name: share_of_limit(needed, as_they_come[name], limit)
                for name in ("ours", "ours in float32")
            },
        },
    )


if __name__ == "__main__":
    run_stage(main)
