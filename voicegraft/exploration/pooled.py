"""A clip as one vector: the mean of the states in which it is heard."""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from voicegraft.embedding.store import Store
from voicegraft.layers import numbers
from voicegraft.speech.manifest import Utterance

ONE_THREAD = threadpool_limits.wrap(limits=1)
"""Makes a function give the same bytes on any number of cores: sums have one order.

By threadpoolctl, which scikit-learn brings along to do the same.
"""


def heard_frames(clip: Utterance, store: Store) -> int:
    """Return how many of the clip's stored frames hear it; the rest hears the silence behind it."""
    share = clip.seconds / (clip.seconds + store.facts["margin_seconds"])
    return max(1, round(store.frames[clip.id] * share))


def heard(clip: Utterance, store: Store, layer: int) -> np.ndarray:
    """Return the states in which the clip is heard, float32 (frames, size)."""
    return store.states(clip.id, layer)[: heard_frames(clip, store)].astype(np.float32)


def means(clips: Sequence[Utterance], store: Store, layer: int) -> np.ndarray:
    """Return the mean of each clip's states, (clips, size)."""
    return np.stack([heard(clip, store, layer).mean(0) for clip in clips])


def heard_layer(store: Store) -> int:
    """Return the layer that the head hears; of several, the highest."""
    layer = store.facts["layer"]
    return numbers(layer if isinstance(layer, int) else tuple(layer))[-1]
