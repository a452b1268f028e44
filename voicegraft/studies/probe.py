"""Linear probes: share of variance that each layer explains.

Ridge regression predicts the share of each letter in a clip's text from its mean state, for clips
of blocks that it was not fitted on. This needs no alignment of letters with frames, and takes
seconds where a head takes minutes; it ignores the order of letters. If clips have labels, it
predicts those. Linear probes of layers: Alain and Bengio 2016 (https://arxiv.org/abs/1610.01644).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.evaluation.interval import interval, resampled_rates
from voicegraft.evaluation.summary import DECIMALS, Evaluate
from voicegraft.speech.manifest import Utterance

FOLDS = 5
PENALTIES = np.logspace(0, 6, 13)
"""Each fit chooses one by leave-one-out; large ones are for few clips."""


@dataclass(frozen=True)
class Probed:
    """Share of variance that a linear probe of a layer explains, with its interval.

    `explained` is the explained variance of letters or classes over clips: 0 is as good as their
    averages, 1 is perfect, and a value below 0 is worse than the averages.
    """

    layer: int
    explained: float
    explained_low: float
    explained_high: float
    clips: int
    blocks: int


def traits(clips: Sequence[Utterance]) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets of the probe, (clips, traits), and the weight of each clip, (clips,).

    Targets are the shares of letters in a text, weighted by its length, as shares of long texts
    vary less; or the labels as indicators, if clips have labels.
    """
    if any(clip.label for clip in clips):
        labels = np.array([clip.label for clip in clips])
        return (labels[:, None] == np.unique(labels)).astype(float), np.ones(len(clips))
    shares = letter_shares([clip.text for clip in clips])
    return shares, np.array([len(clip.text) for clip in clips])


def letter_shares(texts: Sequence[str]) -> np.ndarray:
    """Return the share of each letter in each text, (texts, letters)."""
    letters = sorted(set().union(*texts))
    return np.array([[text.count(letter) / len(text) for letter in letters] for text in texts])


def errors(
    states: np.ndarray, shares: np.ndarray, blocks: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return each clip's squared error, (clips,), by the probe and by the letters' averages.

    Args:
        states: a layer's mean over each clip, (clips, size).
        shares: of letters, (clips, letters).
        blocks: each is predicted by a probe fitted on others.
    """
    predicted, average = np.empty_like(shares), np.empty_like(shares)
    folds = GroupKFold(min(FOLDS, len(set(blocks))))
    for rest, held_out in folds.split(states, groups=blocks):
        probe = make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(states[rest], shares[rest])
        predicted[held_out] = probe.predict(states[held_out])
        average[held_out] = shares[rest].mean(0)
    return tuple(np.square(shares - guess).sum(1) for guess in (predicted, average))


def probe(
    states: dict[int, np.ndarray], clips: Sequence[Utterance], params: Evaluate
) -> list[Probed]:
    """Return the explained variance of each layer, all on the same clips and folds.

    Args:
        states: by layer, the mean over each clip, (clips, size).
        clips: with a label or text.
        params: of the bootstrap.

    Raises:
        ValueError: if there are fewer than two clips.
    """
    if len(clips) < 2:
        raise ValueError(f"{len(clips)} clips are too few to probe layers with")
    blocks, (shares, counts) = choose_blocks(clips), traits(clips)
    return [
        _probed(
            layer,
            [counts * error for error in errors(of_layer, shares, blocks.folded)],
            blocks,
            params,
        )
        for layer, of_layer in sorted(states.items())
    ]


def _probed(layer: int, weighted: Sequence[np.ndarray], blocks: Blocks, params: Evaluate) -> Probed:
    left, whole = weighted
    share = 1 - left.sum() / whole.sum()
    drawn = 1 - resampled_rates(left, whole, blocks, params.resamples, params.seed)
    ends = interval(share, drawn, blocks, params.confidence)
    rounded = (round(float(value), DECIMALS) for value in (share, *ends))
    return Probed(layer, *rounded, len(left), blocks.count)


def best_layer(probed: Sequence[Probed]) -> int:
    """Return the layer that explains most variance; of ties the lower one, which is faster to run.

    Raises:
        ValueError: if none was probed.
    """
    if not probed:
        raise ValueError("no layer was probed")
    return max(probed, key=lambda p: (p.explained, -p.layer)).layer
