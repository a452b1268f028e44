"""What a model emits for each clip of a corpus, in batches of like length."""

import math
from collections.abc import Iterator, Sequence

from torch import Tensor
from tqdm import tqdm

from voicegraft.grafted import GraftedModel
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance


def emissions(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> Iterator[tuple[int, Tensor]]:
    """Yield (place in `utterances`, log-probabilities (frames, labels)), in whatever order."""
    lengths = [u.samples for u in utterances]
    total = math.ceil(sum(u.seconds for u in utterances))
    with tqdm(total=total, unit="s of audio", unit_scale=True) as bar:
        for batch in batches_by_length(lengths, int(batch_seconds * SAMPLE_RATE)):
            found = model.emissions([corpus.wave(utterances[i]) for i in batch])
            yield from zip(batch, found, strict=True)
            bar.update(sum(utterances[i].seconds for i in batch))
