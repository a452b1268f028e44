"""What a model hears in the clips of a corpus."""

import math
from collections.abc import Sequence

from tqdm import tqdm

from voicegraft.grafted import GraftedModel
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance


def transcribe(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> list[str]:
    """Return what the model hears in each of `utterances`, in their order."""
    hypotheses = [""] * len(utterances)
    lengths = [u.samples for u in utterances]
    total = math.ceil(sum(u.seconds for u in utterances))
    with tqdm(total=total, unit="s of audio", unit_scale=True) as bar:
        for batch in batches_by_length(lengths, int(batch_seconds * SAMPLE_RATE)):
            emissions = model.emissions([corpus.wave(utterances[i]) for i in batch])
            for index, emission in zip(batch, emissions, strict=True):
                hypotheses[index] = model.decode(emission)
            bar.update(sum(utterances[i].seconds for i in batch))
    return hypotheses
