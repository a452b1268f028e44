"""Scores of membership: by the loss alone, and by the likelihood ratio with shadow models.

LiRA (Carlini et al. 2022, https://arxiv.org/abs/2112.03570). The loss of a clip tells how hard it
is before it tells whether it was learnt; shadows that never saw the clip tell the first. With few
shadows one variance serves for all clips, as there in section VI: then the offline attack ranks by
the difference from their mean. RMIA (Zarifzadeh et al. 2024, https://arxiv.org/abs/2312.03262)
ranks one model's clips as that ratio does, if all are compared with the same others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SUREST = 1e-6


@dataclass(frozen=True)
class Shadow:
    """A model trained on some clips.

    Args:
        trained: whether on each of all clips, (clips,) of bool.
        losses: of all clips, (clips,).
        gradients: of all clips by a part of the weights, (clips, size); None if nobody asks.
    """

    trained: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray | None = None


def confidence(losses: np.ndarray) -> np.ndarray:
    """Return the log-odds of the probability of a symbol, which are nearly normal, for losses."""
    p = np.clip(np.exp(-np.asarray(losses, float)), SUREST, 1 - SUREST)
    return np.log(p) - np.log1p(-p)


def by_loss(losses: np.ndarray, shadows: Sequence[Shadow]) -> np.ndarray:  # noqa: ARG001
    """Return the score of each clip by its loss alone: Yeom et al. 2018, arXiv:1709.01604."""
    return -losses


def offline(losses: np.ndarray, shadows: Sequence[Shadow]) -> np.ndarray:
    """Return the score by shadows that did not train on the clip; NaN where all did."""
    return confidence(losses) - _mean(shadows, False)


def online(losses: np.ndarray, shadows: Sequence[Shadow]) -> np.ndarray:
    """Return the score by shadows that trained on the clip, against those that did not."""
    seen, unseen, found = _mean(shadows, True), _mean(shadows, False), confidence(losses)
    return (found - unseen) ** 2 - (found - seen) ** 2


ATTACKS = {"loss": by_loss, "lira_offline": offline, "lira_online": online}


def _mean(shadows: Sequence[Shadow], trained: bool) -> np.ndarray:
    """Return the mean confidence over the shadows that trained on each clip, or did not."""
    found = np.stack([confidence(shadow.losses) for shadow in shadows])
    kept = np.stack([shadow.trained == trained for shadow in shadows])
    with np.errstate(invalid="ignore"):
        return np.where(kept, found, 0).sum(0) / kept.sum(0)
