"""Clips as vectors: stored states, pooled and standardised, with labels and blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from voicegraft.embedding.store import Store
from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.layers import numbers
from voicegraft.pooling import Pooling, pool_clips
from voicegraft.speech.manifest import Corpus, Utterance


@dataclass(frozen=True)
class Clips:
    """Some clips: features (clips, size), labels (clips,), and the block of each (clips,)."""

    features: np.ndarray
    labels: Sequence[str]
    blocks: Sequence[str]


def read_clips(
    corpus: Corpus, store: Store, splits: Sequence[str], pooling: str, left_out: Sequence[str]
) -> dict[str, Clips]:
    """Return the clips of train, and of those of `splits` that have any.

    Features are standardised over all of train, which needs no label.

    Args:
        corpus: with labels.
        store: of its states; the layers that the head hears, side by side.
        splits: besides train.
        pooling: how a clip's states become one vector.
        left_out: labels whose clips are let be.

    Raises:
        ValueError: if train has no clip.
    """
    sides: dict[str, Clips] = {}
    for split in ("train", *splits):
        if clips := [u for u in corpus.of(split) if u.label not in left_out]:
            labels, blocks = [u.label for u in clips], choose_blocks(clips)[1]
            sides[split] = Clips(_features(store, clips, pooling), labels, blocks)
    if "train" not in sides:
        raise ValueError("the corpus has no clip in train whose class is known: nothing to learn")
    scaler = StandardScaler().fit(sides["train"].features)
    return {
        split: replace(of, features=scaler.transform(of.features)) for split, of in sides.items()
    }


def _features(store: Store, utterances: Sequence[Utterance], way: str) -> np.ndarray:
    layer = store.facts["layer"]
    heard = numbers(tuple(layer) if isinstance(layer, list) else layer)
    pooling = Pooling(way, store.facts["size"], _silence(store, utterances))
    if list(pooling.parameters()):
        raise ValueError(f"pooling: {way} has weights to be trained; take a way that has none")
    states = [[_as_tensor(store.states(u.id, k)) for u in utterances] for k in heard]
    return np.concatenate([pool_clips(pooling, of_layer) for of_layer in states], axis=1)


def _silence(store: Store, utterances: Sequence[Utterance]) -> int:
    """Return how many frames behind each clip are the margin's."""
    margin = store.facts["margin_seconds"]
    seconds = sum(u.seconds + margin for u in utterances)
    return round(margin * sum(store.frames[u.id] for u in utterances) / seconds)


def _as_tensor(states: np.ndarray) -> Tensor:
    """Return stored states, (frames, size), in float32."""
    return torch.from_numpy(states.astype(np.float32))
