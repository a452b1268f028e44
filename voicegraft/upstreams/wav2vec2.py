"""wav2vec 2.0, XLS-R, MMS, HuBERT and WavLM, from the bundles of torchaudio.

wav2vec 2.0: Baevski et al. 2020, https://arxiv.org/abs/2006.11477; HuBERT: Hsu et al. 2021,
https://arxiv.org/abs/2106.07447; WavLM: Chen et al. 2021, https://arxiv.org/abs/2110.13900. A
checkpoint is a name in `torchaudio.pipelines`; from one fine-tuned for ASR, the encoder is used.

The base models normalise each channel of the first convolution over time, and others normalise the
wave itself, so all frames depend on a clip's silence and length. So the convolutions run clip by
clip, without padding for a batch. Features are the samples themselves: where they are masked
(finetune.full), `time_mask_frames` counts samples.
"""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from voicegraft.model.batches import Ragged, join
from voicegraft.model.formats import WeightsError
from voicegraft.model.upstream import Config, Upstream
from voicegraft.speech.torchaudio_on_cpu import torchaudio

Bundle = torchaudio.pipelines.Wav2Vec2Bundle
BUNDLES: dict[str, Bundle] = {
    name: bundle
    for name, bundle in vars(torchaudio.pipelines).items()
    if isinstance(bundle, Bundle)
}

# Kernel and stride of each convolution, the same in all bundles.
CONVOLUTIONS = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))
FRAME_SAMPLES = 320  # the product of the strides
RECEPTIVE_SAMPLES = 400  # the receptive field of a frame
# Pretrained on crops of 16 to 20 s, but not limited to a length: the same as other upstreams.
MAX_SECONDS = 30
# A frozen block must return the same states in each epoch; in fine-tuning, masks regularise.
NO_DROPOUT = {
    "encoder_projection_dropout": 0.0,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_drop": 0.0,
}

TINY = {
    "model_type": "WavLM",
    "normalize_waveform": False,
    "channels": 32,
    "extractor_mode": "group_norm",
    "extractor_conv_bias": False,
    "encoder_embed_dim": 32,
    "encoder_pos_conv_kernel": 16,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": 3,
    "encoder_num_heads": 4,
    "encoder_num_buckets": 32,
    "encoder_max_distance": 64,
    "encoder_ff_interm_features": 64,
    "encoder_layer_norm_first": False,
}


def file_name(bundle: Bundle) -> str:
    """Return the name of the bundle's file of weights."""
    return bundle._path.rpartition("/")[2]


class Block(nn.Module):
    """A Transformer block of torchaudio, over clips end to end.

    Args:
        layer: the block; its norms are before attention and feed-forward, or after them.
        position_bias: for WavLM, returns the bias of attention by distance, (heads, frames,
            frames). All blocks share that of the first block, which has its weights.
    """

    def __init__(self, layer: nn.Module, position_bias: Callable[[int, int], Tensor] | None):
        super().__init__()
        self.layer, self.position_bias = layer, position_bias

    def forward(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Map (frames of all clips, size) to the same; the clips have `lengths`."""
        layer = self.layer
        if layer.layer_norm_first:
            states = states + self.attention(layer.layer_norm(states), lengths)
            return states + layer.feed_forward(layer.final_layer_norm(states))
        states = layer.layer_norm(states + self.attention(states, lengths))
        return layer.final_layer_norm(states + layer.feed_forward(states))

    def attention(self, states: Tensor, lengths: list[int]) -> Tensor:
        """Let each frame attend to all frames of its clip."""
        return torch.cat([self._attend(clip[None])[0] for clip in states.split(lengths)])

    def _attend(self, clip: Tensor) -> Tensor:
        frames = clip.shape[1]
        bias = self.position_bias(frames, frames)[None] if self.position_bias else None
        return self.layer.attention(clip, position_bias=bias)[0]


class Wav2Vec2(Upstream):
    """Convolutions over the wave, convolved positions, blocks, norm.

    Args:
        model: torchaudio's Wav2Vec2Model, whose parts are used.
        config: from which `_model` built it.
    """

    sample_rate = 16_000
    frame_samples = FRAME_SAMPLES
    max_samples = MAX_SECONDS * sample_rate

    def __init__(self, model: nn.Module, config: Config):
        super().__init__()
        self.config, self.size = config, config["encoder_embed_dim"]
        transformer = model.encoder.transformer
        first, wavlm = transformer.layers[0].attention, config["model_type"] == "WavLM"
        position_bias = first.compute_bias if wavlm else None
        norms_first = config["encoder_layer_norm_first"]
        self.convolutions = model.feature_extractor
        self.projection = model.encoder.feature_projection
        self.positions = transformer.pos_conv_embed
        self.stem_norm = nn.Identity() if norms_first else transformer.layer_norm
        self.blocks = nn.ModuleList(Block(layer, position_bias) for layer in transformer.layers)
        self.norm = transformer.layer_norm if norms_first else nn.Identity()

    def stem_modules(self) -> list[nn.Module]:
        """See `Upstream`."""
        return [self.convolutions, self.projection, self.positions, self.stem_norm]

    def features(self, wave: Tensor) -> Tensor:
        """Return the samples, (samples, 1), at mean 0 and deviation 1 if the model needs it.

        The receptive field of a frame is 80 samples longer than its stride, so 80 zeros follow the
        last frame: without them the window would have one frame less. No zeros come before the
        first, so each frame has the same input as in torchaudio.
        """
        if self.config["normalize_waveform"]:
            wave = F.layer_norm(wave, wave.shape)
        return F.pad(wave, (0, RECEPTIVE_SAMPLES - FRAME_SAMPLES))[:, None]

    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0: the output of the convolutions for each clip, with positions."""
        # The kernel of `positions` is stored as norm × direction: it is multiplied once for all
        # clips.
        with parametrize.cached():
            return join([self._stem_of(clip) for clip in features.clips()])

    def _stem_of(self, clip: Tensor) -> Tensor:
        hidden, _ = self.convolutions(clip.mT, None)  # (1, frames, channels)
        states = self.projection(hidden)
        return self.stem_norm(states + self.positions(states))[0]


def build(config: Config) -> Wav2Vec2:
    """See the contract."""
    return Wav2Vec2(_model(config), config)


def load(folder: Path) -> Wav2Vec2:
    """Return the encoder of the bundle whose weights file is in `folder`.

    Raises:
        WeightsError: if there is none, or it does not fit the bundle.
    """
    for name, bundle in BUNDLES.items():
        if (path := folder / file_name(bundle)).is_file():
            config = _config(bundle)
            model = _model(config)
            _fill(model, _stored(path), name, path)
            return Wav2Vec2(model, config)
    found = sorted(path.name for path in folder.iterdir())
    raise WeightsError(f"{folder} has no weights of a torchaudio bundle, but {found}")


def _config(bundle: Bundle) -> Config:
    """Return the encoder's settings with the keys of TINY, which are torchaudio's names."""
    params = {name: value for name, value in bundle._params.items() if name in TINY}
    return {
        "model_type": bundle._model_type,
        "normalize_waveform": bundle._normalize_waveform,
        "channels": bundle._params["extractor_conv_layer_config"][0][0],
        **params,
    }


def _model(config: Config) -> nn.Module:
    factories = {
        "Wav2Vec2": torchaudio.models.wav2vec2_model,
        "WavLM": torchaudio.models.wavlm_model,
    }
    params = {k: v for k, v in config.items() if k.startswith(("encoder_", "extractor_"))}
    return factories[config["model_type"]](
        extractor_conv_layer_config=[(config["channels"], *shape) for shape in CONVOLUTIONS],
        aux_num_out=None,
        **params,
        **NO_DROPOUT,
    )


def _stored(path: Path) -> dict[str, Tensor]:
    """Return the tensors of the encoder, by torch's current names."""
    try:
        # Tensors and plain values only: nothing in the file can run.
        stored = dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} is not a complete weights file: {error}") from None
    tensors = {_new_name(k): v for k, v in stored.items() if isinstance(v, Tensor)}
    return {
        k: v for k, v in tensors.items() if not k.startswith("aux.")
    }  # the output layer for labels


def _new_name(name: str) -> str:
    """Return a tensor's name in torch 2.1 and later; those of the weight norm have changed."""
    name = re.sub(r"\bweight_g$", "parametrizations.weight.original0", name)
    return re.sub(r"\bweight_v$", "parametrizations.weight.original1", name)


def _fill(model: nn.Module, stored: dict[str, Tensor], name: str, path: Path) -> None:
    wanted, found = (
        {k: list(v.shape) for k, v in state.items()} for state in (model.state_dict(), stored)
    )
    for tensor in wanted | found:
        ours, theirs = (shapes.get(tensor, "no such tensor") for shapes in (wanted, found))
        if ours != theirs:
            raise WeightsError(f"{path}: {tensor} is {theirs}, and in {name} {ours}")
    model.load_state_dict(stored)
