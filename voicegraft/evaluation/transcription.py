"""What a model hears in the clips of a corpus."""

from collections.abc import Sequence

from voicegraft.evaluation.emissions import emissions
from voicegraft.grafted import GraftedModel
from voicegraft.speech.manifest import Corpus, Utterance


def transcribe(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> list[str]:
    """Return what the model hears in each of `utterances`, in their order."""
    hypotheses = [""] * len(utterances)
    for index, emission in emissions(model, corpus, utterances, batch_seconds):
        hypotheses[index] = model.decode(emission)
    return hypotheses
