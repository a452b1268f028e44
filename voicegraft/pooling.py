"""One vector for a clip: its states pooled over time."""

import numpy as np


def pooled(states: np.ndarray, how: str) -> np.ndarray:
    """Return (features,) for a clip's states, (frames, size).

    Args:
        states: of one layer.
        how: mean_std, both side by side.

    Raises:
        ValueError: if `how` is another word.
    """
    if how != "mean_std":
        raise ValueError(f"pooling must be mean_std, not {how!r}")
    values = np.asarray(states, np.float32)
    return np.concatenate([values.mean(0), values.std(0)])
