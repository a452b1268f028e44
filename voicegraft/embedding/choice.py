"""The layer and the pooling of a classifier, chosen by leaving out groups of training clips.

Each stored layer, and all of them side by side, is tried with each of `POOLINGS`. Groups are
speakers where there are enough of them, or else texts, so that what is chosen tells classes apart,
and not the voices or syllables of train. The loss is that of shrunken discriminants, whatever
classifier is trained on the choice after that: leaving out every group costs them no second fit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product

import numpy as np
import torch
from scipy.special import log_softmax
from scipy.stats import norm
from torch import Tensor

from voicegraft.embedding.knobs import head_layer
from voicegraft.embedding.store import Store
from voicegraft.model import discriminants
from voicegraft.model.layers import AUTO, AnyLayer, Layer, numbers
from voicegraft.model.pooling import Pooling, pool_clips, without_weights
from voicegraft.model.speakers import FEWEST_CLIPS

POOLINGS = ("mean", "mean_std", "mean_slope")
"""The first, with all layers, is taken where no group can be left out, as with one clip a class."""
MOST_CLIPS, TOGETHER = 1500, 500
"""Clips drawn for the choice, and fitted at once: losses of one part alone depend on its draw."""
FEWEST_SPEAKERS = 3
CONFIDENCE = 0.95


@dataclass(frozen=True)
class View:
    """A layer, or several, and a way to pool; `columns` of the features of `wide`, (size,)."""

    layer: Layer
    pooling: str
    columns: np.ndarray

    def __str__(self) -> str:
        layers = " ".join(map(str, numbers(self.layer)))
        return f"layer {layers}, {self.pooling}"


@dataclass(frozen=True)
class Trial:
    """A view, its log-loss on clips left out, and its accuracy with an interval over groups."""

    view: View
    log_loss: float
    accuracy: float
    low: float
    high: float


def pooled(store: Store, clips: Sequence[str], layers: Sequence[int], way: str) -> np.ndarray:
    """Return the pooled states of each clip, (clips, features), in float64.

    Args:
        store: of the clips.
        clips: their ids.
        layers: stored layers, which are concatenated.
        way: see voicegraft.model.pooling.

    Raises:
        ValueError: if that way has weights to train.
    """
    pooling = Pooling(way, store.facts["size"], store.silence)
    if list(pooling.parameters()):
        raise ValueError(f"pooling: {way} has weights to train; choose a way without")
    of_layers = [pool_clips(pooling, _states(store, clips, layer)) for layer in layers]
    return np.concatenate(of_layers, axis=1)


def _states(store: Store, clips: Sequence[str], layer: int) -> Iterator[Tensor]:
    for clip in clips:
        yield torch.from_numpy(store.states(clip, layer).astype(np.float32))


def wide(
    store: Store, clips: Sequence[str], layer: AnyLayer, pooling: str
) -> tuple[np.ndarray, list[View]]:
    """Return pooled states of clips, (clips, features), and the views of them to choose from.

    Args:
        store: of the clips.
        clips: their ids.
        layer: of the head, or auto for every stored one and all together.
        pooling: of the head, or auto for POOLINGS; a learnt way has equal weights.

    Raises:
        ValueError: if a layer is not stored, or there is no such pooling.
    """
    stored = tuple(store.facts["layers"])
    heads: list[Layer] = [head_layer(layer, store)] if layer != AUTO else list(stored)
    if layer == AUTO and len(stored) > 1:
        heads.insert(0, stored)
    ways = POOLINGS if pooling == AUTO else (without_weights(pooling),)
    singles = sorted({number for head in heads for number in numbers(head)})
    parts = {(k, way): pooled(store, clips, [k], way) for way, k in product(ways, singles)}
    ends = accumulate(part.shape[1] for part in parts.values())
    own = {k: np.arange(end - parts[k].shape[1], end) for k, end in zip(parts, ends, strict=True)}
    views = [
        View(head, way, np.concatenate([own[k, way] for k in numbers(head)]))
        for way, head in product(ways, heads)
    ]
    return np.concatenate(list(parts.values()), axis=1, dtype=np.float32), views


def groups_of(
    labels: Sequence[str], speakers: Sequence[str], texts: Sequence[str]
) -> Sequence[str]:
    """Return for each clip its speaker, if three have ten clips or more; or else its text.

    Args:
        labels: of each clip.
        speakers: of each clip; "" if unknown.
        texts: of each clip, or its id, if it has none.
    """
    known = [who for who, clips in Counter(speakers).items() if clips >= FEWEST_CLIPS]
    alone = discriminants.fewest_groups(np.unique(labels, return_inverse=True)[1], speakers) < 2
    by_voice = len(known) >= FEWEST_SPEAKERS and all(speakers) and not alone
    return speakers if by_voice else texts


def voices_in(speakers: Sequence[str]) -> int:
    """Return the number of speakers, or FEWEST_SPEAKERS if a clip has none."""
    return len(set(speakers)) if speakers and all(speakers) else FEWEST_SPEAKERS


def choose(
    features: np.ndarray,
    views: Sequence[View],
    targets: np.ndarray,
    groups: Sequence[str],
    voices: int,
) -> list[Trial]:
    """Return a trial of each view, the chosen one first; one view alone, untried, if it must be.

    The view with the lowest log-loss is chosen; of many clips of one or two voices, one that may
    hold for others: see `_highest_as_good`.

    Args:
        features: of training clips, (clips, features), as `wide` gives them.
        views: of the features.
        targets: the class of each clip, (clips,), from 0, each at least once.
        groups: what is left out together.
        voices: how many there are; 3 or more if it is unknown.
    """
    names, kept = np.asarray(groups), discriminants.drawn(targets, MOST_CLIPS)
    count = -(-len(kept) // TOGETHER)
    parts = [kept[number::count] for number in range(count)]
    if any(_too_few(targets[part], names[part], targets.max()) for part in parts):
        parts = [kept]
    if _too_few(targets[kept], names[kept], targets.max()):
        return [Trial(views[0], *[float("nan")] * 4)]
    trials = [_tried(view, features, targets, names, parts) for view in views]
    trials.sort(key=lambda trial: trial.log_loss)
    if voices < FEWEST_SPEAKERS and len(kept) > TOGETHER:
        best = _highest_as_good(trials)
        trials = [best, *(trial for trial in trials if trial is not best)]
    return trials


def _highest_as_good(trials: Sequence[Trial]) -> Trial:
    """Return the trial of the highest layer whose accuracy is in the interval of the best.

    As the rule of one standard error, with the whole interval: Breiman et al. 1984, "Classification
    and Regression Trees". It stands in for voices to leave out: low layers tell them apart.
    """
    best = trials[0]
    as_good = [trial for trial in trials if trial.accuracy >= best.low]
    return max(as_good, key=lambda trial: (min(numbers(trial.view.layer)), -trial.log_loss))


def _too_few(targets: np.ndarray, groups: np.ndarray, last: int) -> bool:
    """Return whether a class has clips of fewer than two groups; `last` is the last class."""
    return len(np.unique(targets)) <= last or discriminants.fewest_groups(targets, groups) < 2


def _tried(
    view: View,
    features: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    parts: Sequence[np.ndarray],
) -> Trial:
    logits = [
        _left_out(features[np.ix_(part, view.columns)], targets[part], groups[part])
        for part in parts
    ]
    kept = np.concatenate(parts)
    targets, groups, scores = targets[kept], groups[kept], np.concatenate(logits)
    loss = -log_softmax(scores, axis=1)[np.arange(len(targets)), targets].mean()
    right = scores.argmax(1) == targets
    apart = [(right - right.mean())[groups == group].sum() for group in np.unique(groups)]
    error = norm.ppf((1 + CONFIDENCE) / 2) * np.linalg.norm(apart) / len(right)
    low, high = np.clip([right.mean() - error, right.mean() + error], 0, 1)
    return Trial(view, float(loss), float(right.mean()), float(low), float(high))


def _left_out(features: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    found = discriminants.fit(features.astype(np.float64), targets, groups)
    return found.sharpness * found.left_out
