"""Stored states, pooled: each clip as one vector."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from voicegraft.embedding.store import Store
from voicegraft.pooling import Pooling, pool_clips


def pooled(store: Store, clips: Sequence[str], layers: Sequence[int], way: str) -> np.ndarray:
    """Return what is heard of each clip as a vector, (clips, features), in float64.

    Args:
        store: of the clips.
        clips: their ids.
        layers: which are stored; several stand side by side.
        way: see voicegraft.pooling.

    Raises:
        ValueError: if that way has weights, which nothing here trains.
    """
    pooling = Pooling(way, store.facts["size"], store.silence)
    if list(pooling.parameters()):
        raise ValueError(f"pooling: {way} has weights to be trained; take a way that has none")
    of_layers = [pool_clips(pooling, _states(store, clips, layer)) for layer in layers]
    return np.concatenate(of_layers, axis=1)


def _states(store: Store, clips: Sequence[str], layer: int) -> Iterator[Tensor]:
    for clip in clips:
        yield torch.from_numpy(store.states(clip, layer).astype(np.float32))
