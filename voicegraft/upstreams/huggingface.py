"""Speech encoders of transformers, by their name on the hub: the extra `huggingface`.

wav2vec 2.0 (Baevski et al. 2020, https://arxiv.org/abs/2006.11477) and related models (MMS, XLS-R,
HuBERT, WavLM), whose input is the wave; and w2v-BERT 2.0 (Seamless Communication 2023,
https://arxiv.org/abs/2312.05187), whose input is log-mel frames. Code in a repository is never run;
only safetensors and JSON files are read.

Clips are encoded one by one: in base models the first convolution is normalised over time, so
padding would change every frame. Dropout is off, so that a block that learns gets the stored states
as input.
"""

from math import prod
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from pydantic import JsonValue
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.batches import Ragged, join
from voicegraft.model.formats import WeightsError, read_json
from voicegraft.model.upstream import Config, Upstream

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

SAMPLE_RATE = 16_000
MAX_SECONDS = 30
WAVE_TYPES = ("data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wavlm")
MEL_TYPES = ("wav2vec2-bert",)
TINY = {
    "normalised": True,
    "encoder": {
        "model_type": "wav2vec2",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "conv_dim": [16] * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
    },
}


class Block(nn.Module):
    """A layer of transformers, applied clip by clip."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Map (frames of all clips, size) to the same; the clips have `lengths`."""
        return torch.cat([self._clip(clip[None])[0] for clip in states.split(lengths)])

    def _clip(self, clip: Tensor) -> Tensor:
        return self.layer(clip)


class WavLMBlock(Block):
    """A layer of WavLM; all layers use the position bias of the first."""

    def __init__(self, layer: nn.Module, first: nn.Module):
        super().__init__(layer)
        self._first = (first,)  # a tuple, so that its weights are not registered twice

    def _clip(self, clip: Tensor) -> Tensor:
        frames = clip.shape[1]
        bias = self._first[0].attention.compute_bias(frames, frames)
        return self.layer(clip, position_bias=bias)[0]


class Encoder(Upstream):
    """Shared by both kinds: the blocks, and the projection of the stem to their size."""

    sample_rate = SAMPLE_RATE
    max_samples = MAX_SECONDS * SAMPLE_RATE

    def __init__(self, config: Config, model: nn.Module):
        super().__init__()
        self.config, self.size = config, model.config.hidden_size
        self.projection = model.feature_projection
        layers = model.encoder.layers
        if model.config.model_type == "wavlm":
            self.blocks = nn.ModuleList(WavLMBlock(layer, layers[0]) for layer in layers)
        else:
            self.blocks = nn.ModuleList(Block(layer) for layer in layers)
        self.norm = nn.Identity()

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0, clip by clip."""
        return join([self._stem_of(clip[None])[0] for clip in features.clips()])

    def _projected(self, hidden: Tensor) -> Tensor:
        projected = self.projection(hidden)  # most return their input, too
        return projected[0] if isinstance(projected, tuple) else projected


class WaveEncoder(Encoder):
    """Convolutions over the wave, convolved positions, blocks; a norm before or after them."""

    def __init__(self, config: Config, model: nn.Module):
        super().__init__(config, model)
        settings = model.config
        self.frame_samples = prod(settings.conv_stride)
        self.overlap = _receptive_field(settings) - self.frame_samples
        self.convolutions = model.feature_extractor.conv_layers
        self.positions = model.encoder.pos_conv_embed
        self.stem_norm: nn.Module = model.encoder.layer_norm
        if getattr(settings, "do_stable_layer_norm", False):
            self.stem_norm, self.norm = self.norm, self.stem_norm

    def stem_modules(self) -> list[nn.Module]:
        """See `Upstream`."""
        return [self.convolutions, self.projection, self.positions, self.stem_norm]

    def features(self, wave: Tensor) -> Tensor:
        """Return the wave, (samples, 1), padded with silence to complete the last frame."""
        if self.config["normalised"]:
            wave = (wave - wave.mean()) / (wave.var(correction=0) + 1e-7).sqrt()
        return F.pad(wave, (0, self.overlap))[:, None]

    def _stem_of(self, wave: Tensor) -> Tensor:
        hidden = wave.mT
        for convolution in self.convolutions:
            hidden = convolution(hidden)
        states = self._projected(hidden.mT)
        return self.stem_norm(states + self.positions(states))


class MelEncoder(Encoder):
    """Kaldi's log-mel frames, normalised over the clip, two to a step; blocks."""

    hop_samples, window_samples = 160, 400
    frame_samples = 2 * hop_samples

    def __init__(self, config: Config, model: nn.Module):
        super().__init__(config, model)
        self.bins = model.config.feature_projection_input_dim // 2
        if model.encoder.embed_positions is not None:
            kind = model.config.position_embeddings_type
            raise WeightsError(f"position_embeddings_type must be 'relative_key', not {kind!r}")

    def stem_modules(self) -> list[nn.Module]:
        """See `Upstream`."""
        return [self.projection]

    def features(self, wave: Tensor) -> Tensor:
        """Return log-mel frames, two to a step, (steps, 2 × bins)."""
        from voicegraft.speech.torchaudio_on_cpu import torchaudio

        loud = F.pad(
            wave * 2**15, (0, self.window_samples - self.hop_samples)
        )  # as 16-bit integers
        with torch.autocast(wave.device.type, enabled=False):
            mel = torchaudio.compliance.kaldi.fbank(loud[None], num_mel_bins=self.bins)
        normal = (mel - mel.mean(0)) / (mel.var(0) + 1e-7).sqrt()
        return normal.reshape(-1, 2 * self.bins)

    def _stem_of(self, mel: Tensor) -> Tensor:
        return self._projected(mel)


def build(config: Config) -> Encoder:
    """Return the encoder with random weights."""
    settings = _settings(config["encoder"])
    return _encoder(config, _transformers().AutoModel.from_config(settings, dtype=torch.float32))


def load(folder: Path) -> Encoder:
    """Return the encoder of a transformers repository, without the head if it has one.

    Raises:
        WeightsError: if the folder has none, naming the first tensor that does not fit.
    """
    auto = _transformers().AutoModel
    config = {"normalised": _is_normalised(folder), "encoder": read_json(folder / "config.json")}
    try:
        model, report = auto.from_pretrained(
            folder,
            config=_settings(config["encoder"]),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # `_refuse_others` raises an error with the name
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{folder} has no readable encoder: {error}") from None
    encoder = _encoder(config, model)
    _refuse_others(folder, model, encoder, report)
    return encoder


def _encoder(config: Config, model: nn.Module) -> Encoder:
    kind = MelEncoder if model.config.model_type in MEL_TYPES else WaveEncoder
    return kind(config, model)


def _settings(encoder: dict[str, JsonValue]) -> "PreTrainedConfig":
    """Return the settings of config.json, without dropout."""
    values = dict(encoder)
    kind, known = values.pop("model_type", None), (*WAVE_TYPES, *MEL_TYPES)
    if kind not in known:
        raise WeightsError(f"config.json: model_type is one of {sorted(known)}, not {kind!r}")
    settings = _transformers().AutoConfig.for_model(kind, **values)
    for name in settings.to_dict():
        if name.endswith("dropout") or name in ("mask_time_prob", "mask_feature_prob"):
            setattr(settings, name, 0.0)
    return settings


def _refuse_others(folder: Path, model: nn.Module, encoder: Encoder, report: dict) -> None:
    """Raise WeightsError if a tensor of the encoder is missing or has another shape."""
    shapes = {name: (got, wanted) for name, got, wanted in report["mismatched_keys"]}
    own = {id(tensor) for tensor in [*encoder.parameters(), *encoder.buffers()]}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if id(tensor) in own and name in shapes:
            got, wanted = map(tuple, shapes[name])
            raise WeightsError(f"{folder}: {name} has the shape {got}, not {wanted}")
        if id(tensor) in own and name in report["missing_keys"]:
            raise WeightsError(f"{folder}: model.safetensors has no {name}")


def _is_normalised(folder: Path) -> bool:
    """Return whether the encoder was trained on waves of deviation 1; True if nothing is stated.

    Raises:
        WeightsError: if it was trained on waves of another rate.
    """
    path = folder / "preprocessor_config.json"
    settings = read_json(path) if path.is_file() else {}
    if (rate := settings.get("sampling_rate", SAMPLE_RATE)) != SAMPLE_RATE:
        raise WeightsError(f"{path}: sampling_rate must be {SAMPLE_RATE}, not {rate}")
    return bool(settings.get("do_normalize", True))


def _receptive_field(settings: "PreTrainedConfig") -> int:
    """Return the receptive field of the convolutions, in samples."""
    strides = settings.conv_stride
    return 1 + sum(
        (kernel - 1) * prod(strides[:k]) for k, kernel in enumerate(settings.conv_kernel)
    )


def _transformers() -> ModuleType:
    """Import transformers late, as no other upstream needs it.

    Raises:
        ValueError: naming the extra to install.
    """
    from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers

    try:
        import transformers
    except ImportError:
        raise ValueError(
            "upstream.name: huggingface needs `pip install -e '.[huggingface]'`"
        ) from None
    transformers.logging.set_verbosity_error()  # `load` reports tensors that do not fit
    transformers.logging.disable_progress_bar()
    return transformers
