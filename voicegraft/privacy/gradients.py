"""What a head's weights hold of voices: the gradient that a clip asks of its last layer.

Whoever has the weights, and recordings of some voices, knows what learning from each of them would
change. If the weights held the voices that they learnt from, these would be named by it more often
than others. That others are named too is the upstream's doing.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from voicegraft.evaluation.summary import Evaluate
from voicegraft.privacy.drawn import Drawn
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.measure import Measured
from voicegraft.privacy.voices import FOLDS, by_voice, drawn_voices, rightly_named
from voicegraft.speech.manifest import Utterance
from voicegraft.training.loop import Trainer

SIZE = 128
HAD, HAD_NOT, DIFFERENCE = "learnt from", "not learnt from", "difference"


def gradients(trainer: Trainer, clips: Sequence[Utterance]) -> np.ndarray:
    """Return the direction of each clip's gradient by the head's last matrix, (clips, SIZE).

    It is turned to axes drawn at random, which keeps angles: Johnson & Lindenstrauss 1984.
    """
    *_, last = (weight for weight in trainer.bare.head.parameters() if weight.ndim == 2)
    axes = torch.randn(last.numel(), SIZE, generator=torch.Generator().manual_seed(0))
    trainer.bare.eval()
    return torch.stack([_gradient(trainer, clip, last) @ axes for clip in clips]).numpy()


def _gradient(trainer: Trainer, clip: Utterance, weight: Tensor) -> Tensor:
    emitted = trainer.predictor.emitted(trainer.bare, [trainer.inputs(clip)])
    loss = trainer.bare.objective.loss(emitted, [clip])
    (found,) = torch.autograd.grad(loss, weight)
    return torch.nn.functional.normalize(found.flatten(), dim=0).cpu()


def voices_in_weights(
    shadows: Sequence[Shadow], drawn: Drawn, clips: Sequence[Utterance], params: Evaluate
) -> dict[str, Measured]:
    """Return how often gradients name the voices that a head learnt from, and those it did not.

    Nothing is returned where there are not two voices with enough clips.

    All clips are such as no head learnt from, of whole voices: a clip's own gradient is smaller
    where it was learnt, which would tell the two kinds of voices apart by itself.

    Args:
        shadows: heads with gradients of all `clips`.
        drawn: what they trained on.
        clips: all of them.
        params: of the bootstrap.
    """
    apart = [clip for clip, aside in zip(clips, drawn.aside, strict=True) if aside]
    kept = {clip.id for clip in drawn_voices(apart, params.seed, FOLDS)}
    if not kept:
        return {}
    places = [place for place, clip in enumerate(clips) if clip.id in kept]
    named, had = [clips[place] for place in places], drawn.units[:, places]
    right = np.stack([rightly_named(s.gradients[places], named, params.seed) for s in shadows])
    asked = {HAD: had, HAD_NOT: ~had}
    resampling = by_voice(named, params)

    def rate(name: str, weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # no clip of this side is drawn: no rate
            return weights @ (right * asked[name]).sum(0) / (weights @ asked[name].sum(0))

    def more(weights: np.ndarray) -> np.ndarray:
        return rate(HAD, weights) - rate(HAD_NOT, weights)

    sides = (HAD, HAD_NOT)
    found = {s: resampling.measure(partial(rate, s), params.confidence, 1.0) for s in sides}
    return found | {DIFFERENCE: resampling.measure(more, params.confidence)}
