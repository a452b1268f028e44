"""CTC: labels, targets, loss and greedy decoding.

Connectionist temporal classification: Graves et al. 2006, https://doi.org/10.1145/1143844.1143891
A label is one code point of NFC text, so CER counts what the head emits.
"""

from collections.abc import Iterable, Sequence

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

    `emissions` are log-probabilities (batch, frames, labels). The sum runs on the CPU: the gradient
    of the CUDA kernel is not deterministic (pytorch#17798). Every clip must have at least
    `frames_needed` frames; an infinite loss is not set to zero.
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
    return total / symbols.sum()


def greedy(emission: Tensor, labels: Sequence[str]) -> str:
    """Return the text of the likeliest path through (frames, labels), with single spaces."""
    path = torch.unique_consecutive(emission.argmax(-1))
    return " ".join("".join(labels[i] for i in path.tolist()).split())
