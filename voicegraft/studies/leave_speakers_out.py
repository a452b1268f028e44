"""Leave-one-speaker-out accuracy, with and without adaptation.

Each speaker in turn is left out, and scored by a classifier of the others. Three adaptations are
compared: none; speaker normalisation (voicegraft.model.speakers); and self-training on the
speaker's clips with the most confident predictions (Scudder 1965,
https://doi.org/10.1109/TIT.1965.1053799; only the most confident: Cascante-Bonilla et al. 2021,
https://arxiv.org/abs/2001.06001). No adaptation sees a label of that speaker.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from voicegraft.evaluation.classes.f1 import CLIPS, class_counts, rated, resampled
from voicegraft.evaluation.classes.summary import RATES
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.params import Section
from voicegraft.studies.features import Clips, by_speaker, chosen_columns
from voicegraft.studies.few_shot import probability


class SelfTraining(Section):
    """Rounds of self-training, and the share of the speaker's clips that is used."""

    rounds: PositiveInt
    sure_share: Annotated[float, Field(gt=0, le=1)]


Adaptation = Callable[[Clips, np.ndarray], Sequence[str]]
"""(clips of other speakers, features of the new one) → labels of the new one."""


def as_taught(taught: Clips, others: np.ndarray) -> Sequence[str]:
    """Return the predicted class of each of `others`, by logistic regression.

    Where there are several views of the features, the clips of `taught` choose one. Of a voice
    unlike those of train it gets more right than discriminants do (docs/words.md).
    """
    columns = chosen_columns(taught)
    return _standardised(taught.features[:, columns], taught.labels, others[:, columns])[0]


def self_trained(taught: Clips, others: np.ndarray, knobs: SelfTraining) -> Sequence[str]:
    """Return the predictions after self-training on the most confident of `others`."""
    columns = chosen_columns(taught)
    features, others = taught.features[:, columns], others[:, columns]
    taken_for, sure = _standardised(features, taught.labels, others)
    for _ in range(knobs.rounds):
        kept = sure >= np.quantile(sure, 1 - knobs.sure_share)
        more = np.concatenate([features, others[kept]])
        targets = np.concatenate([taught.labels, taken_for[kept]])
        taken_for, sure = _standardised(more, targets, others)
    return taken_for


def _standardised(
    features: np.ndarray, labels: Sequence[str], others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    scaler = StandardScaler().fit(features)
    return probability(scaler.transform(features), labels, scaler.transform(others))


def leave_speakers_out(
    clips: Clips, knobs: SelfTraining, params: Evaluate
) -> Iterator[dict[str, Any]]:
    """Yield for each adaptation a line for the mean of all speakers, and one for each speaker.

    Args:
        clips: not standardised, each with its speaker.
        knobs: of the self-training.
        params: of the bootstrap.

    Raises:
        ValueError: if there are fewer than two speakers.
    """
    speakers = np.unique(clips.speakers)
    if len(speakers) < 2:
        raise ValueError(f"leave-one-speaker-out needs two speakers; known: {', '.join(speakers)}")
    without = by_speaker(clips)
    ways = {
        "none": (clips, as_taught),
        "normalised": (without, as_taught),
        "self-trained": (without, partial(self_trained, knobs=knobs)),
    }
    for name, (of, adapted) in ways.items():
        predicted = _left_out(of, speakers, adapted, name)
        for voices in ("", *speakers):
            which = [voices] if voices else list(speakers)
            yield {"adaptation": name, "speaker": voices} | _scored(of, predicted, which, params)


def _left_out(clips: Clips, speakers: Sequence[str], adapted: Adaptation, name: str) -> np.ndarray:
    """Return the predicted class of each clip with its speaker left out, (clips,)."""
    labels, own = np.asarray(clips.labels), np.asarray(clips.speakers)
    predicted = np.empty(len(labels), labels.dtype)
    for speaker in tqdm(speakers, name, unit="voice"):
        here = own == speaker
        taught = clips.of(np.flatnonzero(~here))
        predicted[here] = adapted(taught, clips.features[here])
    return predicted


def _scored(
    clips: Clips, predicted: np.ndarray, speakers: Sequence[str], params: Evaluate
) -> dict[str, Any]:
    """Return the mean over `speakers` of accuracy and macro-F1, with intervals."""
    own, classes = np.asarray(clips.speakers), sorted(set(clips.labels))
    counts = class_counts(clips.labels, predicted, classes)
    # One axis for speakers, so that the mean is over the rates of speakers.
    counts = np.stack([counts * (own == who)[:, None, None] for who in speakers], axis=1)
    here = np.isin(own, speakers)
    counts, blocks = counts[here], clips.blocks.of(here)
    drawn, clips_of = resampled(counts, blocks, params), counts[..., CLIPS, :].sum((0, -1))
    # If blocks are speakers, a resample may have one twice and another not at all.
    times = drawn[..., CLIPS, :].sum(-1) / clips_of
    found: dict[str, Any] = {}
    for name, rate in RATES.items():
        value, each = rate(counts.sum(0)).mean(), np.average(rate(drawn), axis=-1, weights=times)
        found |= rated(name, float(value), each, blocks, params)
    return found | {"clips": int(here.sum())}
