"""Run a frozen upstream over many clips, each clip once, neighbours in length together."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from voicegraft.embedding.takes import Take
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import Corpus
from voicegraft.upstreams import Upstream


@torch.inference_mode()
def encode_clips(
    upstream: Upstream,
    corpus: Corpus,
    takes: Sequence[Take],
    layers: Sequence[int],
    margin_seconds: float,
    batch_seconds: float,
) -> Iterator[tuple[Take, dict[int, np.ndarray]]]:
    """Yield each take with its states by layer, float32 (frames, size); shortest first."""
    device = next(upstream.parameters()).device
    lengths = [take.samples for take in takes]
    for batch in batches_by_length(lengths, round(batch_seconds * upstream.sample_rate)):
        chosen = [takes[i] for i in batch]
        waves = [take.wave(corpus).to(device) for take in chosen]
        windows = [upstream.window(wave, margin_seconds) for wave in waves]
        states = {k: v.clips() for k, v in upstream.encode(windows, layers).items()}
        for i, take in enumerate(chosen):
            yield take, {k: clips[i].cpu().numpy() for k, clips in states.items()}
