"""The memory that oneDNN, torch's library for a CPU, may keep."""

import os

PRODUCTS = "32"
"""More than the shapes of one batch, so every block after the first finds its own."""


def bound_cache() -> None:
    """Let oneDNN, and torch's wrapper of it, keep few compiled products.

    Each keeps one for every shape it met, up to 1,024
    (https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html,
    https://github.com/pytorch/pytorch/issues/27971). Hardly two batches of clips have the same
    length, so memory would grow for hours, and no product be met again. Call it before anything
    is multiplied: the variables are read once.
    """
    for variable in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(variable, PRODUCTS)
