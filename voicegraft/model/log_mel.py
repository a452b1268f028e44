"""Log-mel frames as an upstream: the base of the controls without weights."""

from torch import Tensor, nn

from voicegraft.model.batches import Ragged
from voicegraft.model.spectrogram import HOP_SAMPLES, SAMPLE_RATE, LogMelSpectrogram
from voicegraft.model.upstream import Upstream

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
