"""CTC: labels, targets, loss and greedy decoding.

Connectionist temporal classification: Graves et al. 2006, https://doi.org/10.1145/1143844.1143891
A label is one code point of NFC text, so CER counts what the head emits.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from voicegraft.model.batches import Padded

BLANK = 0


def labels_of(texts: Iterable[str]) -> list[str]:
    """Return the blank and the characters of `texts`, sorted.

    Use the texts of *train* only: a label that only test has would be a leak.
    """
    return ["", *sorted(set().union(*texts))]


def target(text: str, labels: Sequence[str]) -> Tensor:
    """Return the indices that spell `text`, (symbols,); characters without a label are left out."""
    index = {label: i for i, label in enumerate(labels) if label}
    return torch.tensor([index[symbol] for symbol in text if symbol in index], dtype=torch.long)


def frames_needed(symbols: Tensor) -> int:
    """Return the fewest frames that can spell `symbols`: repeats need a blank between them."""
    return len(symbols) + int((symbols[1:] == symbols[:-1]).sum())


def loss(emissions: Padded, targets: Sequence[Tensor]) -> Tensor:
    """Return the negative log-likelihood for each symbol of the batch, a scalar.

    A clip without symbols counts by its frames, each of which has a blank to emit. `emissions` are
    log-probabilities (batch, frames, labels). The sum runs on the CPU: the gradient of the CUDA
    kernel is not deterministic (pytorch#17798). Every clip must have at least `frames_needed`
    frames; an infinite loss is not set to zero.
    """
    symbols = torch.tensor([len(t) for t in targets])
    total = F.ctc_loss(
        emissions.values.float().cpu().transpose(0, 1),
        torch.cat(list(targets)),
        emissions.lengths,
        symbols,
        blank=BLANK,
        reduction="sum",
    )
    return total / torch.where(symbols > 0, symbols, emissions.lengths).sum()


def log_likelihoods(emission: Tensor, texts: Sequence[Tensor]) -> Tensor:
    """Return ln p of each of `texts`, targets as of `target`: the sum over all its paths, (texts,).

    It is -inf where emissions (frames, labels) have too few frames.
    """
    symbols = torch.tensor([len(text) for text in texts])
    padded = torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True)
    frames = torch.full((len(texts),), len(emission))
    each = emission[:, None].expand(-1, len(texts), -1)
    return -F.ctc_loss(each, padded, frames, symbols, blank=BLANK, reduction="none")


def greedy(emission: Tensor, labels: Sequence[str]) -> str:
    """Return the text of the likeliest path through (frames, labels), with single spaces."""
    path = torch.unique_consecutive(emission.argmax(-1))
    return " ".join("".join(labels[i] for i in path.tolist()).split())


def align(emission: Tensor, symbols: Tensor) -> np.ndarray:
    """Return for each frame the index in `symbols` of the symbol nearest in time, (frames,).

    Symbols are emitted along the likeliest path (Viterbi) of emissions (frames, labels). A head
    emits a character in one or two frames with blanks around it, so a frame belongs to the nearest
    emitted character.

    Raises:
        ValueError: if there are too few frames, or no symbols.
    """
    if not 0 < len(symbols) <= frames_needed(symbols) <= len(emission):
        raise ValueError(f"{len(symbols)} symbols cannot be spelt in {len(emission)} frames")
    path = _likeliest(emission.double().numpy(), _with_blanks(symbols))
    emitted = np.flatnonzero(path % 2)
    nearest = np.abs(np.arange(len(path))[:, None] - emitted).argmin(1)
    return path[emitted[nearest]] // 2


def _with_blanks(symbols: Tensor) -> np.ndarray:
    """Return the symbols with a blank around each: symbol k is at 2 k + 1."""
    spelt = np.full(2 * len(symbols) + 1, BLANK)
    spelt[1::2] = symbols.numpy()
    return spelt


def _likeliest(emission: np.ndarray, spelt: np.ndarray) -> np.ndarray:
    """Return the index in `spelt` of each frame, (frames,), along the likeliest path.

    A step advances by 0, 1 or 2 places; by 2 only to a different symbol, over a blank.
    """
    apart = np.r_[False, False, (spelt[2:] != BLANK) & (spelt[2:] != spelt[:-2])]
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
