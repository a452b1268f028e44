"""The control that stands beside stored states: plain log-mel frames of the same clips."""

from collections.abc import Sequence

import numpy as np
import torch

from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.upstreams.log_mel import BINS, build

NAME = "log_mel"


@torch.inference_mode()
def log_mel(corpus: Corpus, clip: Utterance) -> np.ndarray:
    """Return the clip's log-mel frames, 50 a second, float32 (frames, size)."""
    upstream = build({"bins": BINS})
    window = upstream.window(torch.from_numpy(corpus.wave(clip)), 0.0)
    return upstream.encode([window], [0])[0].values.numpy()


def log_mel_means(corpus: Corpus, clips: Sequence[Utterance]) -> np.ndarray:
    """Return the mean of each clip's log-mel frames, (clips, size)."""
    return np.stack([log_mel(corpus, clip).mean(0) for clip in clips])
