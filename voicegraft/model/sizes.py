"""How large stored tensors are, without torch and without loading them."""

from math import prod
from pathlib import Path

from safetensors import safe_open


def tensor_sizes(path: Path) -> dict[str, int]:
    """Return how many numbers each tensor of a file of safetensors has."""
    with safe_open(path, framework="numpy") as file:
        names = file.keys()
        return {name: prod(file.get_slice(name).get_shape()) for name in names}
