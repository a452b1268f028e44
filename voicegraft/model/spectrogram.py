"""The log-mel spectrogram, the input of speech models, clip by clip."""

import librosa
import torch
from torch import Tensor, nn

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
