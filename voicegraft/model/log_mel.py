"""The log-mel spectrogram, the input of speech models, and its frames as an upstream.

That upstream is the base of the controls without weights.
"""

import librosa
import torch
from torch import Tensor, nn

from voicegraft.model.batches import Ragged
from voicegraft.model.upstream import Upstream

SAMPLE_RATE = 16_000
FFT_SAMPLES, HOP_SAMPLES = 400, 160
RANGE = 8  # powers of ten below the clip's maximum, as in openai/whisper `audio.py`


class LogMelSpectrogram(nn.Module):
    """100 steps per second of 25 ms, with librosa's filters (Slaney's scale and norm).

    Clamped 80 dB below the clip's own maximum, so that it does not depend on the batch.

    Args:
        edges: padding at the ends: "reflect", which needs 201 samples, or "constant" silence.
    """

    def __init__(self, bins: int, edges: str = "reflect"):
        super().__init__()
        self.edges = edges
        filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT_SAMPLES, n_mels=bins)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.register_buffer("hann", torch.hann_window(FFT_SAMPLES), persistent=False)

    def powers(self, wave: Tensor) -> Tensor:
        """Return the power in each mel band, (steps, bins), for a wave of shape (samples,)."""
        spectrum = torch.stft(
            wave,
            FFT_SAMPLES,
            HOP_SAMPLES,
            window=self.hann,
            pad_mode=self.edges,
            return_complex=True,
        )
        power = spectrum[:, :-1].abs().square()
        with torch.autocast(wave.device.type, enabled=False):  # 80 dB need more than bfloat16
            return (self.filters @ power).T

    def forward(self, wave: Tensor) -> Tensor:
        """Return powers of ten, (steps, bins), for a wave of shape (samples,)."""
        log_mel = self.powers(wave).clamp(min=1e-10).log10()
        return torch.maximum(log_mel, log_mel.max() - RANGE)


BINS = 80
STEPS_A_FRAME = 2  # so that a head has 50 frames per second, as with Whisper and wav2vec 2.0
MAX_SECONDS = 30


class LogMel(Upstream):
    """Two steps of a log-mel spectrogram to a frame: no block, no weight."""

    sample_rate = SAMPLE_RATE
    frame_samples = STEPS_A_FRAME * HOP_SAMPLES
    max_samples = MAX_SECONDS * SAMPLE_RATE

    def __init__(self, bins: int):
        super().__init__()
        self.config = {"bins": bins}
        self.size = STEPS_A_FRAME * bins
        self.blocks, self.norm = nn.ModuleList(), nn.Identity()
        self.spectrogram = LogMelSpectrogram(bins)

    def stem_modules(self) -> list[nn.Module]:
        """See `Upstream`: there are none."""
        return []

    def features(self, wave: Tensor) -> Tensor:
        """Return the log-mel spectrogram, (steps, bins)."""
        return self.spectrogram(wave)

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0: each two steps side by side."""
        frames = features.values.reshape(-1, self.size)
        return Ragged(frames, features.lengths // STEPS_A_FRAME)
