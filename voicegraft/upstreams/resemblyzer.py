"""Resemblyzer's speaker encoder (Wan et al. 2018, https://arxiv.org/abs/1710.10467).

Three LSTM layers, trained to distinguish speakers whatever the text. The upstream encodes the
speaker, so little should transfer to transcription. Layer 0 is the output of the first LSTM; the
speaker embedding was computed from the last layer.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from voicegraft.model.batches import Ragged
from voicegraft.model.log_mel import HOP_SAMPLES, SAMPLE_RATE, LogMelSpectrogram
from voicegraft.model.upstream import Config, Upstream

WEIGHTS_FILE = "pretrained.pt"
MAX_SECONDS = 30
LOUDNESS_DBFS = -30  # quieter clips are amplified to it, as in resemblyzer `audio.py`
TINY = {"bins": 40, "size": 32, "layers": 3}


class Lstm(nn.Module):
    """One layer that reads the frames of each clip in order."""

    def __init__(self, inputs: int, size: int):
        super().__init__()
        self.lstm = nn.LSTM(inputs, size)

    def forward(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Map (frames of all clips, inputs) to (frames of all clips, size)."""
        packed = pack_sequence(states.split(lengths), enforce_sorted=False)
        return torch.cat(unpack_sequence(self.lstm(packed)[0]))


class VoiceEncoder(Upstream):
    """Mel powers, then LSTM layers, at 100 frames per second."""

    sample_rate = SAMPLE_RATE
    frame_samples = HOP_SAMPLES
    max_samples = MAX_SECONDS * SAMPLE_RATE

    def __init__(self, bins: int, size: int, layers: int):
        super().__init__()
        self.config, self.size = dict(bins=bins, size=size, layers=layers), size
        self.spectrogram = LogMelSpectrogram(bins, edges="constant")
        self.first = Lstm(bins, size)
        self.blocks = nn.ModuleList(Lstm(size, size) for _ in range(layers - 1))
        self.norm = nn.Identity()

    def stem_modules(self) -> list[nn.Module]:
        """See `Upstream`."""
        return [self.first]

    def features(self, wave: Tensor) -> Tensor:
        """Return mel powers, (steps, bins), of the wave, amplified to -30 dBFS if it is quieter."""
        loudness = wave.square().mean().sqrt().clamp(min=1e-6)
        raised = wave * (10 ** (LOUDNESS_DBFS / 20) / loudness).clamp(min=1)
        return self.spectrogram.powers(raised)

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0: the output of the first LSTM."""
        return features.with_values(self.first(features.values, features.lengths.tolist()))


def build(config: Config) -> VoiceEncoder:
    """See the contract."""
    return VoiceEncoder(**config)


def load(folder: Path) -> VoiceEncoder:
    """Return the encoder of a resemblyzer checkpoint."""
    # Tensors and plain values only: nothing in the file can run.
    stored = torch.load(folder / WEIGHTS_FILE, map_location="cpu", weights_only=True)["model_state"]
    layers = sum(name.startswith("lstm.weight_ih") for name in stored)
    rows, bins = stored["lstm.weight_ih_l0"].shape
    encoder = build({"bins": bins, "size": rows // 4, "layers": layers})
    for layer, module in enumerate([encoder.first, *encoder.blocks]):
        suffix = f"_l{layer}"
        own = {k.removeprefix("lstm."): v for k, v in stored.items() if k.endswith(suffix)}
        module.lstm.load_state_dict({k.replace(suffix, "_l0"): v for k, v in own.items()})
    return encoder
