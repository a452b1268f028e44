"""What a classifier says of the clips of a corpus."""

from collections.abc import Sequence

import numpy as np
import torch

from voicegraft.evaluation.emissions import emissions, in_batches
from voicegraft.grafted import GraftedModel
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.voices import each_voice


def log_probabilities(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> np.ndarray:
    """Return natural log-probabilities, (clips, classes), in the order of `utterances`.

    Where the model takes out what is a voice's own, that is told from the voice's clips among
    `utterances`, and from no label.

    Raises:
        ValueError: if the model emits several frames for a clip: then it transcribes.
    """
    if model.description.normalise:
        return _by_voice(model, corpus, utterances, batch_seconds)
    found = np.empty((len(utterances), len(model.labels)))
    for index, emission in emissions(model, corpus, utterances, batch_seconds):
        if len(emission) != 1:
            raise ValueError(
                f"{utterances[index].id}: a classifier emits one frame for a clip, this model "
                f"{len(emission)}: it transcribes"
            )
        found[index] = emission[0].numpy()
    return found


@torch.inference_mode()
def _by_voice(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> np.ndarray:
    pooled = dict(in_batches(model.pooled, corpus, utterances, batch_seconds))
    features = torch.stack([pooled[place] for place in range(len(utterances))])
    found = np.empty((len(utterances), len(model.labels)))
    for places in each_voice([utterance.speaker for utterance in utterances]):
        model.head.voice.meet(features[places])
        found[places] = model.head.told(features[places]).cpu().numpy()
    return found
