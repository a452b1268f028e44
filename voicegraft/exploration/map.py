"""A map of clips: neighbours in the states' space are neighbours on paper.

t-SNE: van der Maaten and Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html. What lies
far apart on it says nothing, and neither does the size of a cluster.
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from voicegraft.exploration.one_thread import ONE_THREAD

DIRECTIONS = 50
"""Before t-SNE, as its authors do: less noise in the distances, less time."""
PERPLEXITY = 30.0


@ONE_THREAD
def laid_out(states: np.ndarray, seed: int) -> np.ndarray:
    """Return where each clip lies, (clips, 2), from the means of its states, (clips, size).

    Raises:
        ValueError: for fewer than three clips.
    """
    if len(states) < 3:
        raise ValueError(f"{len(states)} clips make no map")
    kept = min(DIRECTIONS, *states.shape)
    main = PCA(kept, svd_solver="full").fit_transform(states)
    perplexity = min(PERPLEXITY, (len(states) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(main)
