"""Reduce a store to the principal components of each layer's states.

States vary in far fewer directions than they have dimensions; the head's error rate shows how many
are needed. Readers of the store get states of full size.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voicegraft.embedding.components import Components, components_file, write_components
from voicegraft.embedding.store import Store
from voicegraft.pipeline.packed import PackedWriter

FRAMES = 50_000
"""The number of frames for the PCA: 17 minutes of speech, drawn clip by clip."""


def reduce_store(folder: Path, clips: Sequence[str], components: int) -> dict[int, float]:
    """Reduce every layer in place, unless it has no more dimensions than `components`.

    Args:
        folder: of a complete store.
        clips: ids of the clips for the PCA: those of train.
        components: how many to keep, 1 or more.

    Returns:
        The share of variance kept, by layer.
    """
    from sklearn.decomposition import PCA  # takes a second to import

    store, kept = Store(folder), {}
    if components >= store.facts["size"]:
        return kept
    for layer in store.facts["layers"]:
        frames = _drawn(store, clips, layer)
        pca = PCA(min(components, len(frames)), svd_solver="covariance_eigh").fit(frames)
        found = Components(pca.mean_, pca.components_)
        # The components come first, so that a reduced layer never lacks them.
        write_components(components_file(folder, layer), found)
        for path, clips_there in store.shards(layer):
            with PackedWriter(path, np.float16, (len(found.directions),)) as file:
                for clip in clips_there:
                    file.append(found.reduced(store.states(clip, layer)))
        kept[layer] = float(pca.explained_variance_ratio_.sum())
    return kept


def _drawn(store: Store, clips: Sequence[str], layer: int) -> np.ndarray:
    """Return about FRAMES states of `layer`, float32 (frames, size), from clips in random order."""
    order = np.random.default_rng(0).permutation(len(clips))
    found, frames = [], 0
    for place in order:
        found.append(store.states(clips[place], layer).astype(np.float32))
        frames += len(found[-1])
        if frames >= FRAMES:
            break
    return np.concatenate(found)
