"""Make a store smaller: of each layer's states it keeps the principal components.

States have far fewer directions in which they vary than numbers; how many are needed is for the
head's error rate to say. What reads the store gets states of the full size.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voicegraft.embedding.store import (
    Components,
    Store,
    components_file,
    layer_file,
    write_components,
)
from voicegraft.pipeline.packed import PackedWriter

FRAMES = 50_000
"""From which directions are found: 17 minutes of speech, drawn clip by clip."""


def reduce_store(folder: Path, clips: Sequence[str], components: int) -> dict[int, float]:
    """Reduce every layer in place; one that is no larger stays as it is.

    Args:
        folder: holds a store, as it was written.
        clips: ids of those that may be looked at: those of train.
        components: how many to keep, 1 or more.

    Returns:
        By layer, the share of the variance that is kept.
    """
    from sklearn.decomposition import PCA  # brings a second to what reduces nothing

    store, kept = Store(folder), {}
    if components >= store.facts["size"]:
        return kept
    for layer in store.facts["layers"]:
        frames = _drawn(store, clips, layer)
        pca = PCA(min(components, len(frames)), svd_solver="covariance_eigh").fit(frames)
        found = Components(pca.mean_, pca.components_)
        # First what restores them: a layer is never there without it.
        write_components(components_file(folder, layer), found)
        with PackedWriter(layer_file(folder, layer), np.float16, (len(found.directions),)) as file:
            for clip in store.frames:
                file.append(found.reduced(store.states(clip, layer)))
        kept[layer] = float(pca.explained_variance_ratio_.sum())
    return kept


def _drawn(store: Store, clips: Sequence[str], layer: int) -> np.ndarray:
    """Return some FRAMES states of `layer`, float32, of clips in an order of no meaning."""
    order = np.random.default_rng(0).permutation(len(clips))
    found, frames = [], 0
    for place in order:
        found.append(store.states(clips[place], layer).astype(np.float32))
        frames += len(found[-1])
        if frames >= FRAMES:
            break
    return np.concatenate(found)
