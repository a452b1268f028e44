"""What a model emits for each clip of a corpus, in batches of like length."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch import Tensor
from tqdm import tqdm

from voicegraft.grafted import GraftedModel
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance


def emissions(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> Iterator[tuple[int, Tensor]]:
    """Yield (place in `utterances`, log-probabilities (frames, labels)), in whatever order."""
    yield from in_batches(model.emissions, corpus, utterances, batch_seconds)


def in_batches(
    heard: Callable[[list[np.ndarray]], Sequence[Tensor]],
    corpus: Corpus,
    utterances: Sequence[Utterance],
    batch_seconds: float,
) -> Iterator[tuple[int, Tensor]]:
    """Yield (place in `utterances`, what `heard` makes of its wave), in whatever order.

    Args:
        heard: makes a tensor of each of some waves, float32 (samples,).
        corpus: whose audio it is.
        utterances: in whatever order.
        batch_seconds: of audio in one batch.
    """
    lengths = [u.samples for u in utterances]
    total = math.ceil(sum(u.seconds for u in utterances))
    with tqdm(total=total, unit="s of audio", unit_scale=True) as bar:
        for batch in batches_by_length(lengths, int(batch_seconds * SAMPLE_RATE)):
            found = heard([corpus.wave(utterances[i]) for i in batch])
            yield from zip(batch, found, strict=True)
            bar.update(sum(utterances[i].seconds for i in batch))
