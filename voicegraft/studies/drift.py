"""How far fine-tuning moved an upstream's states: CKA, relative error, changed weights.

If nothing was trained below a layer, its relative error is 0 and its similarity 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from voicegraft.model.upstream import Upstream


@dataclass(frozen=True)
class Drift:
    """The drift of the states of one layer."""

    relative_error: float
    """The norm of the change over the norm of the old states."""
    cka: float
    """1 if the new states are the old ones up to rotation and scale, 0 if they are unrelated."""


def linear_cka(old: np.ndarray, new: np.ndarray) -> float:
    """Return the similarity of two sets of states, each (frames, size); NaN if one is constant.

    Linear centered kernel alignment (Kornblith et al. 2019, https://arxiv.org/abs/1905.00414).
    """
    old, new = (states - states.mean(0) for states in (old, new))
    shared = np.linalg.norm(old.T @ new) ** 2
    return float(shared / (np.linalg.norm(old.T @ old) * np.linalg.norm(new.T @ new)))


def relative_error(old: np.ndarray, new: np.ndarray) -> float:
    """Return the norm of the change over that of the old states, each (frames, size)."""
    return float(np.linalg.norm(new - old) / np.linalg.norm(old))


@torch.inference_mode()
def drift(
    old: Upstream, new: Upstream, batches: Iterable[Sequence[Tensor]], margin_seconds: float
) -> dict[int, Drift]:
    """Return the drift of each layer between two upstreams of the same architecture.

    Args:
        old: before training.
        new: after it.
        batches: of waves, (samples,) each.
        margin_seconds: silence after each wave.
    """
    layers = range(len(old.blocks) + 1)
    states: dict[int, tuple[list, list]] = {layer: ([], []) for layer in layers}
    for waves in batches:
        windows = [old.window(wave.to(old.device), margin_seconds) for wave in waves]
        for side, upstream in enumerate((old, new)):
            for layer, found in upstream.encode(windows, layers).items():
                states[layer][side].append(found.values.double().cpu().numpy())
    joined = {layer: [np.concatenate(side) for side in sides] for layer, sides in states.items()}
    return {
        layer: Drift(relative_error(*sides), linear_cka(*sides)) for layer, sides in joined.items()
    }


def weights_changed(old: Upstream, new: Upstream) -> int:
    """Return the number of the old upstream's weights with another value in the new one.

    Modules added to the new upstream are not counted, because they can be removed.
    """
    after = dict(new.named_parameters())
    before = old.named_parameters()
    return sum(int((after[name] != value).sum()) for name, value in before)
