"""What states are called in the cache: a hash of all that they depend on."""

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from voicegraft import padding, ragged, spectrogram, upstream_folder, upstreams
from voicegraft import precision as precisions
from voicegraft.embedding import encoding, takes
from voicegraft.embedding.degraded import DegradedTake
from voicegraft.embedding.takes import Take
from voicegraft.precision import Precision
from voicegraft.speech.manifest import Corpus
from voicegraft.upstreams import Upstream

Keys = Callable[[Take], dict[int, bytes]]
"""Gives the key of a take's states at each layer."""


def keys_for(
    folder: Path,
    upstream: Upstream,
    layers: Sequence[int],
    margin_seconds: float,
    precision: Precision,
    corpus: Corpus,
) -> Keys:
    """Return what names the states of takes of `corpus` in the cache.

    In a key are the samples, the speed and the layer; the files of the upstream; the window rule
    and the precision; and the code behind it all, so that a corrected encoder is never answered
    with old states. An id, a text or a side is not. Of a degraded take the samples are those that
    the upstream hears, which say all of how they came about.

    Args:
        folder: what fetch_model left, or build_control.
        upstream: what was loaded from it.
    """
    plugin = upstreams.plugin(upstream_folder.name_in(folder))
    network = sys.modules[type(upstream).__module__]  # the random control's is another plug-in
    rule = {"margin_seconds": margin_seconds, "precision": precision}
    scope = hashlib.sha256(json.dumps(rule).encode())
    for path in sorted(folder.iterdir()):
        scope.update(_file_hash(path))
    shared = (upstreams, spectrogram, padding, ragged, precisions, encoding, takes)
    for module in dict.fromkeys((plugin, network, *shared)):
        scope.update(_code_hash(module))

    def keys(take: Take) -> dict[int, bytes]:
        own = scope.copy()
        own.update(hashlib.sha256(_samples(take, corpus)).digest())
        return {layer: _extended(own, f"{take.speed:g} {layer}") for layer in layers}

    return keys


def _samples(take: Take, corpus: Corpus) -> np.ndarray:
    if isinstance(take, DegradedTake):
        return take.wave(corpus).numpy()
    return corpus.samples(take.utterance)


def _extended(digest: "hashlib._Hash", text: str) -> bytes:
    longer = digest.copy()
    longer.update(text.encode())
    return longer.digest()


def _file_hash(path: Path) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _code_hash(module: ModuleType) -> bytes:
    return hashlib.sha256(inspect.getsource(module).encode()).digest()
