"""What a classifier says of the clips of a corpus."""

from collections.abc import Sequence

import numpy as np

from voicegraft.evaluation.emissions import emissions
from voicegraft.grafted import GraftedModel
from voicegraft.speech.manifest import Corpus, Utterance


def log_probabilities(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> np.ndarray:
    """Return natural log-probabilities, (clips, classes), in the order of `utterances`.

    Raises:
        ValueError: if the model emits several frames for a clip: then it transcribes.
    """
    found = np.empty((len(utterances), len(model.labels)))
    for index, emission in emissions(model, corpus, utterances, batch_seconds):
        if len(emission) != 1:
            raise ValueError(
                f"{utterances[index].id}: a classifier emits one frame for a clip, this model "
                f"{len(emission)}: it transcribes"
            )
        found[index] = emission[0].numpy()
    return found
