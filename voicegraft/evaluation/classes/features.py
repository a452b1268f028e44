"""Clips as vectors: stored states, pooled and standardised, with labels and blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.preprocessing import StandardScaler

from voicegraft.embedding.pooled import pooled
from voicegraft.embedding.store import Store
from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.layers import numbers
from voicegraft.speech.manifest import Corpus


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
            features = pooled(store, [u.id for u in clips], numbers(store.layer), pooling)
            sides[split] = Clips(features, labels, blocks)
    if "train" not in sides:
        raise ValueError("the corpus has no clip in train whose class is known: nothing to learn")
    scaler = StandardScaler().fit(sides["train"].features)
    return {
        split: replace(of, features=scaler.transform(of.features)) for split, of in sides.items()
    }
