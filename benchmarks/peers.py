"""Other encoders of the same weights, as their users run them: clips padded to 30 s, eight at once.

`transformers` (https://huggingface.co/docs/transformers/model_doc/whisper) and faster-whisper
(https://github.com/SYSTRAN/faster-whisper). Needs the extra `peers`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import in_transformers
from voicegraft.model import upstream as upstreams

from faster_whisper import WhisperModel  # isort: skip
from transformers import WhisperFeatureExtractor  # isort: skip

BATCH = 8
SAMPLE_RATE = 16_000


class Transformers:
    """Whisper's encoder in `transformers`, float32, with its own feature extractor."""

    def __init__(self, upstream: Path):
        ours = upstreams.load(upstream)
        self.extract = WhisperFeatureExtractor(feature_size=ours.config["bins"])
        self.encoder = in_transformers.build(ours)

    @torch.inference_mode()
    def __call__(self, waves: Sequence[np.ndarray]) -> list[Tensor]:
        """Return the last layer's states for each batch, (batch, 1500, size)."""
        return [self._encode(batch) for batch in batches(waves)]

    def _encode(self, waves: Sequence[np.ndarray]) -> Tensor:
        features = self.extract(list(waves), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        return self.encoder(features.input_features).last_hidden_state


class FasterWhisper:
    """Whisper's encoder in CTranslate2, through faster-whisper's feature extractor.

    Args:
        precision: "float32" or "int8".
    """

    def __init__(self, upstream: Path, precision: str):
        threads = torch.get_num_threads()
        self.model = WhisperModel(str(upstream), compute_type=precision, cpu_threads=threads)

    def __call__(self, waves: Sequence[np.ndarray]) -> list[object]:
        """Return the last layer's states for each batch, (batch, 1500, size)."""
        return [self.model.encode(self._features(batch)) for batch in batches(waves)]

    def _features(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        steps = self.model.feature_extractor.nb_max_frames
        clips = [self.model.feature_extractor(wave)[:, :steps] for wave in waves]
        return np.stack([np.pad(c, ((0, 0), (0, steps - c.shape[1]))) for c in clips])


def batches(waves: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """Yield `waves` as they come, eight at a time."""
    for first in range(0, len(waves), BATCH):
        yield waves[first : first + BATCH]
