"""Invented losses of clips, by models that have learnt some of them, or none."""

import numpy as np
from scored import PARAMS as WHOLE

from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.speech.manifest import Utterance

PARAMS = WHOLE.model_copy(update={"resamples": 500})
CLIPS, SESSIONS = 240, 24


def clips():
    """Clips of train and test in sessions of their own, a voice each."""
    return [
        Utterance(f"c{k}", "train" if k % SESSIONS < 16 else "test", f"v{k % SESSIONS}",
                  f"s{k % SESSIONS}", 0, 16_000, "a b")
        for k in range(CLIPS)
    ]  # fmt: skip


def member():
    return np.array([1.0 if clip.split == "train" else 0.0 for clip in clips()])


def losses_by(trained, learnt, shift, seed):
    """Losses lower by `learnt` where `trained`, and by `shift` on train, whoever is asked."""
    hard = np.random.default_rng(99).normal(1.5, 0.3, CLIPS)
    noise = np.random.default_rng(seed).normal(0, 0.05, CLIPS)
    return np.maximum(hard + noise - learnt * trained - shift * member(), 0.01)


def shadows(learnt, shift, count=8):
    """Pairs of models that share out the sessions."""
    found = []
    for number in range(count // 2):
        kept = np.random.default_rng(number).permutation(np.arange(SESSIONS) < SESSIONS // 2)
        first = np.array([kept[k % SESSIONS] for k in range(CLIPS)])
        for half, trained in enumerate((first, ~first)):
            found.append(
                Shadow(trained, losses_by(trained, learnt, shift, 100 + 2 * number + half))
            )
    return found
