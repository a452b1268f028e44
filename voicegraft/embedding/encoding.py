"""Run a frozen upstream over many clips, neighbours in length together."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from voicegraft.embedding.takes import Take
from voicegraft.precision import Precision, products_in
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import Corpus
from voicegraft.upstreams import Upstream

States = dict[int, np.ndarray]
"""Of one take, by layer: float16 (frames, size)."""


@torch.inference_mode()
def encode(
    upstream: Upstream,
    corpus: Corpus,
    layers: Sequence[int],
    margin_seconds: float,
    precision: Precision,
    batch_seconds: float,
    takes: Sequence[Take],
) -> Iterator[dict[Take, States]]:
    """Yield the takes batch by batch, the shortest first, each with its states."""
    lengths = [take.samples for take in takes]
    for batch in batches_by_length(lengths, round(batch_seconds * upstream.sample_rate)):
        chosen = [takes[i] for i in batch]
        waves = [take.wave(corpus).to(upstream.device) for take in chosen]
        windows = [upstream.window(wave, margin_seconds) for wave in waves]
        with products_in(precision, upstream.device):
            encoded = upstream.encode(windows, layers)
        clips = {k: [c.half().cpu().numpy() for c in encoded[k].clips()] for k in layers}
        yield {take: {k: clips[k][i] for k in layers} for i, take in enumerate(chosen)}
