"""How badly a model fits the text of each clip: the CTC loss for each symbol."""

from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from voicegraft.model import ctc
from voicegraft.speech.manifest import Utterance


def losses(
    emissions: Iterable[Tensor], clips: Sequence[Utterance], labels: Sequence[str]
) -> np.ndarray:
    """Return the negative log-likelihood of each clip's text for each of its symbols, (clips,).

    Args:
        emissions: log-probabilities (frames, labels) of each clip.
        clips: with texts; inf for one whose frames are too few for its text.
        labels: of the emissions, the blank first.
    """
    return np.array([loss(*pair, labels) for pair in zip(emissions, clips, strict=True)])


def loss(emission: Tensor, clip: Utterance, labels: Sequence[str]) -> float:
    """Return the same of one clip."""
    symbols = ctc.target(clip.text, labels)
    return -ctc.log_likelihoods(emission.float(), [symbols]).item() / len(symbols)
