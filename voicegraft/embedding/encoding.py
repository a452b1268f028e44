"""Run a frozen upstream over many clips, each clip once, neighbours in length together."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.upstreams import Upstream


@torch.inference_mode()
def encode_clips(
    upstream: Upstream,
    corpus: Corpus,
    utterances: Sequence[Utterance],
    layers: Sequence[int],
    margin_seconds: float,
    batch_seconds: float,
) -> Iterator[tuple[Utterance, dict[int, np.ndarray]]]:
    """Yield each utterance with its states by layer, float32 (frames, size); shortest first."""
    device = next(upstream.parameters()).device
    lengths = [utterance.samples for utterance in utterances]
    for batch in batches_by_length(lengths, round(batch_seconds * upstream.sample_rate)):
        chosen = [utterances[i] for i in batch]
        waves = [torch.from_numpy(corpus.wave(u)).to(device) for u in chosen]
        windows = [upstream.window(wave, margin_seconds) for wave in waves]
        states = {k: v.clips() for k, v in upstream.encode(windows, layers).items()}
        for i, utterance in enumerate(chosen):
            yield utterance, {k: clips[i].cpu().numpy() for k, clips in states.items()}
