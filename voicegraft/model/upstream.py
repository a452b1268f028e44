"""The contract of an upstream: a pretrained encoder, frozen at first.

An upstream is a file of voicegraft/upstreams, named in params.yaml, with

    load(folder) -> Upstream                pretrained, from the files that were fetched
    build(config) -> Upstream               the same network with random weights
    TINY: Config                            the config of a small network for tests

The download table of its weights is the file of the same name in voicegraft/checkpoints.

A control is an upstream that was never trained. It is listed in transfer.controls, has no weights
to fetch, and instead of `load` it has

    beside(name, upstream) -> Config        the config of the control for that upstream

Layer 0 is the output of the stem and layer k that of block k. The last layer also passes the
closing norm, and is the output of the model.

On disk an upstream is a folder with its weights files, and `upstream.json`, which identifies them.
A control has no weights: its `upstream.json` has the config to build it.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from voicegraft.model.batches import Ragged, join
from voicegraft.pipeline import plugins
from voicegraft.pipeline.files import read_json, reading, whole

Config = dict[str, JsonValue]
"""The settings from which a network is built again."""


class Upstream(nn.Module, ABC):
    """A pretrained encoder: audio → features → stem → blocks → norm.

    A clip's states do not depend on the batch (to 1e-3, or 1e-5 of their norm if that is more): no
    frame depends on another clip, and normalisation is over the clip, never over the batch.
    """

    sample_rate: int
    frame_samples: int
    """Samples from one frame to the next."""
    max_samples: int
    """The longest window of the model's training."""
    size: int
    """Dimensions of a frame."""
    config: Config
    """The settings from which `build` makes this network."""
    blocks: nn.ModuleList
    """The blocks, in order, which can be unfrozen: each maps (frames of all clips, size) and the
    lengths of the clips to (frames of all clips, size)."""
    norm: nn.Module
    """The closing norm of the last layer; unfrozen with the last block."""

    @property
    def device(self) -> torch.device:
        """The device of the weights, or of the filters if there are no weights."""
        return next(chain(self.parameters(), self.buffers())).device

    @abstractmethod
    def features(self, wave: Tensor) -> Tensor:
        """Return the input of the stem, (steps, bins), for a wave of shape (samples,).

        It has no weights. The wave must be a whole number of frames.
        """

    @abstractmethod
    def stem(self, features: Ragged) -> Ragged:
        """Return layer 0, (frames of all clips, size), for features (steps of all clips, bins)."""

    @abstractmethod
    def stem_modules(self) -> list[nn.Module]:
        """Return the modules that learn together with the first block."""

    def window(self, wave: Tensor, margin_seconds: float) -> Tensor:
        """Return the wave followed by silence, as a whole number of frames.

        Raises:
            ValueError: if the wave alone is longer than the model's window.
        """
        if len(wave) > self.max_samples:
            seconds, limit = len(wave) / self.sample_rate, self.max_samples / self.sample_rate
            raise ValueError(f"a clip of {seconds:.1f} s; the upstream takes {limit:.0f} s at most")
        frames = self.frames(len(wave), margin_seconds)
        return nn.functional.pad(wave, (0, frames * self.frame_samples - len(wave)))

    def frames(self, samples: int, margin_seconds: float) -> int:
        """Return the number of frames of a clip of `samples` samples with the silence after it."""
        wanted = min(samples + round(margin_seconds * self.sample_rate), self.max_samples)
        return max(1, -(-wanted // self.frame_samples))

    def silence_frames(self, margin_seconds: float) -> int:
        """Return the number of frames of that silence."""
        return round(margin_seconds * self.sample_rate / self.frame_samples)

    def above(self, states: Ragged, start: int, layers: Sequence[int]) -> dict[int, Ragged]:
        """Return the states of `layers`, given the states of layer `start`."""
        found = {start: states} if start in layers else {}
        lengths = states.lengths.tolist()
        for layer, block in enumerate(self.blocks[start : max(layers)], start + 1):
            states = states.with_values(block(states.values, lengths))
            if layer == len(self.blocks):
                states = states.with_values(self.norm(states.values))
            if layer in layers:
                found[layer] = states
        return found

    def encode(self, windows: Sequence[Tensor], layers: Sequence[int]) -> dict[int, Ragged]:
        """Return the states of `layers` for waves from `window`."""
        return self.above(self.stem(join([self.features(w) for w in windows])), 0, layers)


def names() -> list[str]:
    """Return the upstreams in voicegraft/upstreams."""
    return plugins.names("upstreams")


def plugin(name: str) -> ModuleType:
    """Return the upstream's module.

    Raises:
        ValueError: naming the known upstreams.
    """
    if name not in names():
        raise ValueError(f"upstream.name: {name!r} is not in voicegraft/upstreams: {names()}")
    return plugins.load("upstreams", name)


def is_control(name: str) -> bool:
    """Return whether the upstream of that name was never trained.

    Raises:
        ValueError: naming the known upstreams.
    """
    return hasattr(plugin(name), "beside")


IDENTITY_FILE = "upstream.json"
MOST = {"blocks": 1_000, "layers": 1_000, "positions": 100_000}
"""Of whatever bears such a name in a config: no network has as many."""


def write_identity(folder: Path, name: str, checkpoint: str, licence: str) -> None:
    """Write `upstream.json` into `folder`; written last, it marks the folder as complete."""
    _write_identity(folder, {"name": name, "checkpoint": checkpoint, "licence": licence})


def write_control(folder: Path, name: str, upstream: Path) -> None:
    """Write the control `name` for the upstream in folder `upstream`.

    Raises:
        ValueError: if `name` is no control, naming the controls.
    """
    controls = [name for name in names() if is_control(name)]
    if name not in controls:
        raise ValueError(f"transfer.controls: {name!r} is no control; known: {controls}")
    folder.mkdir(parents=True, exist_ok=True)
    config = plugin(name).beside(name_in(upstream), load(upstream))
    _write_identity(folder, {"name": name, "config": config})


def name_in(folder: Path) -> str:
    """Return the name of the upstream whose files are in `folder`."""
    identity = _identity(folder)
    with reading(folder / IDENTITY_FILE):
        return str(identity["name"])


def by_kind(folder: Path) -> dict[str, Path]:
    """Return the folder under the key `control` or `upstream`, for `provenance`."""
    return {"control" if is_control(name_in(folder)) else "upstream": folder}


def load(folder: Path) -> Upstream:
    """Return the upstream in `folder`, frozen: a fetched one or a control."""
    identity = _identity(folder)
    with reading(folder / IDENTITY_FILE):
        module = plugin(identity["name"])
        if is_control(identity["name"]) and "config" not in identity:
            raise ValueError("a control has a config")
        untrained = _built(module, identity["config"]) if "config" in identity else None
    upstream = module.load(folder) if untrained is None else untrained
    return upstream.eval().requires_grad_(False)


def _built(module: ModuleType, config: Config) -> Upstream:
    try:
        return module.build(bounded(config))
    except (RuntimeError, AttributeError) as error:  # torch's, of a size below 0
        raise ValueError(f"{error}") from None


def bounded(config: Any) -> Any:
    """Return the config of a network, which a stranger may have written.

    Raises:
        ValueError: if it has more blocks than any network, which would be built without an end.
    """
    for key, value in config.items() if isinstance(config, dict) else ():
        most = min((most for name, most in MOST.items() if name in key), default=math.inf)
        if isinstance(value, int | float) and not value <= most:
            raise ValueError(f"{key} is at most {most}, not {value}")
        bounded(value)
    return config


def _identity(folder: Path) -> dict[str, Any]:
    return read_json(folder / IDENTITY_FILE)


def _write_identity(folder: Path, identity: dict[str, Any]) -> None:
    with whole(folder / IDENTITY_FILE) as partial:
        partial.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
