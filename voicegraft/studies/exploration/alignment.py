"""Texts against a head's emissions: the misfit of each text.

It uses connectionist temporal classification, see voicegraft/model/ctc.py.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from voicegraft.embedding.store import Store
from voicegraft.model import ctc
from voicegraft.model.grafted import GraftedModel
from voicegraft.speech.manifest import Utterance


@torch.inference_mode()
def emissions(
    model: GraftedModel, store: Store, clips: Sequence[Utterance]
) -> Iterator[tuple[Utterance, Tensor]]:
    """Yield each clip with log-probabilities, (frames, labels), from its stored states."""
    for clip in clips:
        layers = [store.states(clip.id, k).astype(np.float32) for k in model.description.layers]
        states = layers[0] if len(layers) == 1 else np.stack(layers, axis=1)
        states = torch.from_numpy(states).to(model.upstream.device)
        values, _ = model(states, torch.tensor([len(states)]), model.description.top)
        yield clip, values[0].float().cpu()


def log_likelihood(emission: Tensor, symbols: Tensor) -> float:
    """Return the log-likelihood of `symbols` by emissions (frames, labels); -inf if impossible."""
    return float(ctc.log_likelihoods(emission, [symbols])[0])


def misfit(emission: Tensor, symbols: Tensor) -> float:
    """Return the gap in log-likelihood between the prediction and the text, per symbol of the text.

    The loss of the text alone is high for unusual speakers and loud noise, too; the gap is not, as
    the prediction suffers as much. It is infinite if the clip has too few frames.
    """
    best = emission.argmax(-1).unique_consecutive()
    gained = log_likelihood(emission, best[best != ctc.BLANK]) - log_likelihood(emission, symbols)
    return gained / max(1, len(symbols))
