"""Texts against a head's emissions: misfit of each text, and alignment of letters with frames.

Both use connectionist temporal classification, see voicegraft/model/ctc.py.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

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
    lengths = torch.tensor([len(emission)]), torch.tensor([len(symbols)])
    loss = F.ctc_loss(emission[:, None], symbols[None], *lengths, blank=ctc.BLANK, reduction="sum")
    return -float(loss)


def misfit(emission: Tensor, symbols: Tensor) -> float:
    """Return the gap in log-likelihood between the prediction and the text, per symbol of the text.

    The loss of the text alone is high for unusual speakers and loud noise, too; the gap is not, as
    the prediction suffers as much. It is infinite if the clip has too few frames.
    """
    best = emission.argmax(-1).unique_consecutive()
    gained = log_likelihood(emission, best[best != ctc.BLANK]) - log_likelihood(emission, symbols)
    return gained / max(1, len(symbols))


def nearest_symbols(emission: Tensor, symbols: Tensor) -> np.ndarray:
    """Return for each frame the index in `symbols` of the nearest emitted symbol, (frames,).

    Symbols are emitted along the likeliest path (Viterbi). A head emits a character in one or two
    frames with blanks around it, so a frame belongs to the nearest emitted character.

    Raises:
        ValueError: if there are too few frames, or no symbols.
    """
    if not 0 < len(symbols) <= ctc.frames_needed(symbols) <= len(emission):
        raise ValueError(f"{len(symbols)} symbols cannot be spelt in {len(emission)} frames")
    path = _likeliest(emission.double().numpy(), _with_blanks(symbols))
    emitted = np.flatnonzero(path % 2)
    nearest = np.abs(np.arange(len(path))[:, None] - emitted).argmin(1)
    return path[emitted[nearest]] // 2


def _with_blanks(symbols: Tensor) -> np.ndarray:
    """Return the symbols with a blank around each: symbol k is at 2 k + 1."""
    spelt = np.full(2 * len(symbols) + 1, ctc.BLANK)
    spelt[1::2] = symbols.numpy()
    return spelt


def _likeliest(emission: np.ndarray, spelt: np.ndarray) -> np.ndarray:
    """Return the index in `spelt` of each frame, (frames,), along the likeliest path.

    A step advances by 0, 1 or 2 places; by 2 only to a different symbol, over a blank.
    """
    apart = np.r_[False, False, (spelt[2:] != ctc.BLANK) & (spelt[2:] != spelt[:-2])]
    best = np.where(np.arange(len(spelt)) < 2, emission[0, spelt], -np.inf)
    steps = np.zeros((len(emission), len(spelt)), np.int8)
    for frame in range(1, len(emission)):
        by_two = np.where(apart, np.r_[-np.inf, -np.inf, best][: len(best)], -np.inf)
        ways = np.stack([best, np.r_[-np.inf, best[:-1]], by_two])
        steps[frame] = ways.argmax(0)
        best = ways.max(0) + emission[frame, spelt]
    path = [len(spelt) - 1 if best[-1] >= best[-2] else len(spelt) - 2]
    for frame in range(len(emission) - 1, 0, -1):
        path.append(path[-1] - int(steps[frame, path[-1]]))
    return np.array(path[::-1])
