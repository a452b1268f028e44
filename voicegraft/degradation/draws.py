"""What decides what a clip meets: its own id, so that other clips change nothing."""

import hashlib

import numpy as np


def generator(seed: int, clip: str, purpose: str) -> np.random.Generator:
    """Return what draws for one purpose in one clip."""
    digest = hashlib.sha256(f"{seed} {purpose} {clip}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))
