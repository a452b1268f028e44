"""Predictions of a model for the clips of a corpus, in batches of similar length."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from voicegraft.model.batches import batches_by_length
from voicegraft.model.formats import read_safetensors, write_safetensors
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.speakers import each_voice
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance

SCORED = ("test", "unseen")


def clips_to_score(corpus: Corpus, max_seconds: float) -> list[Utterance]:
    """Return the utterances of test and unseen; refuse an empty list or a clip that is too long.

    Raises:
        ValueError: naming the splits, or the clip and its length.
    """
    utterances = corpus.of(*SCORED)
    if not utterances:
        raise ValueError(f"the corpus has no utterance in {' or '.join(SCORED)}: nothing to score")
    longest = max(utterances, key=lambda u: u.samples)
    if longest.seconds > max_seconds:
        raise ValueError(
            f"{longest.id} lasts {longest.seconds:.1f} s, but the model takes {max_seconds:g} s: "
            "lower max_seconds of prepare_data"
        )
    return utterances


def emissions(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> Iterator[tuple[int, Tensor]]:
    """Yield (index in `utterances`, emissions (frames, labels)), in any order."""
    yield from in_batches(model.emissions, corpus, utterances, batch_seconds)


def in_batches(
    compute: Callable[[list[np.ndarray]], Sequence[Tensor]],
    corpus: Corpus,
    utterances: Sequence[Utterance],
    batch_seconds: float,
) -> Iterator[tuple[int, Tensor]]:
    """Yield (index in `utterances`, output of `compute` for its wave), in any order.

    Args:
        compute: returns a tensor for each of a list of waves, float32 (samples,).
        corpus: with the audio.
        utterances: in any order.
        batch_seconds: seconds of audio in one batch.
    """
    lengths = [u.samples for u in utterances]
    total = math.ceil(sum(u.seconds for u in utterances))
    with tqdm(total=total, unit="s of audio", unit_scale=True) as bar:
        for batch in batches_by_length(lengths, int(batch_seconds * SAMPLE_RATE)):
            found = compute([corpus.wave(utterances[i]) for i in batch])
            yield from zip(batch, found, strict=True)
            bar.update(sum(utterances[i].seconds for i in batch))


def emissions_of(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> list[Tensor]:
    """Return emissions (frames, labels) for each of `utterances`, in their order."""
    found = dict(emissions(model, corpus, utterances, batch_seconds))
    return [found[index] for index in range(len(utterances))]


def emissions_and_states(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> list[tuple[Tensor, Tensor]]:
    """Return emissions, and what an attention decoder listens to, float16 (frames, size)."""
    found = dict(in_batches(model.emissions_and_states, corpus, utterances, batch_seconds))
    both = (found[index] for index in range(len(utterances)))
    return [(emission, states.half()) for emission, states in both]


def transcribe(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> list[str]:
    """Return the hypothesis for each of `utterances`, in their order."""
    found = emissions_of(model, corpus, utterances, batch_seconds)
    return [model.decode(emission) for emission in found]


KINDS = EMISSIONS, STATES = "", "states:"
"""What stands before the id of an utterance in a file of emissions."""


def write_emissions(
    path: Path,
    utterances: Sequence[Utterance],
    found: Sequence[Tensor] | Sequence[tuple[Tensor, Tensor]],
) -> None:
    """Write emissions (frames, labels) of utterances: they spell sentences, so not for git.

    Or both that `emissions_and_states` returns, where a model has an attention decoder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    named: dict[str, Tensor] = {}
    for utterance, own in zip(utterances, found, strict=True):
        both = (own,) if isinstance(own, Tensor) else own
        named |= {f"{kind}{utterance.id}": t for kind, t in zip(KINDS, both, strict=False)}
    write_safetensors(path, {name: tensor.contiguous() for name, tensor in named.items()})


def read_emissions(
    path: Path, utterances: Sequence[Utterance], kind: str = EMISSIONS
) -> list[Tensor]:
    """Return the emissions (frames, labels) of `utterances`, in their order, or their states.

    Raises:
        WeightsError: if the file is damaged.
        ValueError: if it lacks one of the utterances.
    """
    found = read_safetensors(path, (kind,))
    if missing := [u.id for u in utterances if u.id not in found]:
        raise ValueError(f"{path} has no emissions of {missing[0]}: it is of another corpus")
    return [found[utterance.id] for utterance in utterances]


def log_probabilities(
    model: GraftedModel, corpus: Corpus, utterances: Sequence[Utterance], batch_seconds: float
) -> np.ndarray:
    """Return natural log-probabilities, (clips, classes), in the order of `utterances`.

    A model with speaker normalisation uses the mean and deviation of the speaker's clips among
    `utterances`, and no labels.

    Raises:
        ValueError: if the model emits several frames for a clip, as models for transcription do.
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
        found[places] = model.head.classify(features[places]).cpu().numpy()
    return found
