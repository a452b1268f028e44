"""Clips as vectors: stored states, pooled and standardised, with labels, speakers and blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from sklearn.preprocessing import StandardScaler

from voicegraft.embedding.choice import View, choose, groups_of, voices_in, wide
from voicegraft.embedding.store import Store
from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.model.layers import AnyLayer
from voicegraft.model.speakers import without_voices
from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import Corpus, Utterance


@dataclass(frozen=True)
class Clips:
    """Features (clips, size), labels, blocks, speakers and texts of clips; views of the features.

    Without views there is one, of all features.
    """

    features: np.ndarray
    labels: Sequence[str]
    blocks: Blocks
    speakers: Sequence[str] = ()
    texts: Sequence[str] = ()
    views: Sequence[View] = ()

    @property
    def groups(self) -> Sequence[str]:
        """What is left out together: see `voicegraft.embedding.choice.groups_of`."""
        texts = self.texts or [str(number) for number in range(len(self.labels))]
        return groups_of(self.labels, self.speakers, texts) if self.speakers else texts

    def of(self, kept: np.ndarray) -> "Clips":
        """Return the clips of these indices, in their order."""
        parts = (self.labels, self.speakers, self.texts)
        labels, speakers, texts = ([of[i] for i in kept] if len(of) else of for of in parts)
        return Clips(self.features[kept], labels, self.blocks, speakers, texts, self.views)


def chosen_columns(clips: Clips) -> np.ndarray:
    """Return the columns of the view that tells the classes of `clips` best apart."""
    if len(clips.views) < 2:
        return np.arange(clips.features.shape[1])
    targets = np.unique(clips.labels, return_inverse=True)[1]
    voices = voices_in(clips.speakers)
    return choose(clips.features, clips.views, targets, clips.groups, voices)[0].view.columns


class Vectors(Section):
    """Knobs of the section `head` for features."""

    model_config = ConfigDict(extra="ignore")

    layer: AnyLayer
    pooling: str
    normalise: Literal["none", "speaker"]


def vectors(store: Store, utterances: Sequence[Utterance], how: Vectors) -> Clips:
    """Return clips with the head's input as features, not standardised.

    Where the layer or the pooling is auto, all that may be chosen are features, each with its view.
    """
    ids = [utterance.id for utterance in utterances]
    features, views = wide(store, ids, how.layer, how.pooling)
    return Clips(
        features,
        [utterance.label for utterance in utterances],
        choose_blocks(utterances),
        [utterance.speaker for utterance in utterances],
        [utterance.text or utterance.id for utterance in utterances],
        views,
    )


def read_clips(
    corpus: Corpus, store: Store, splits: Sequence[str], how: Vectors, left_out: Sequence[str]
) -> dict[str, Clips]:
    """Return the clips of train and of those of `splits` that are not empty.

    Features are standardised over train, without labels; or by speaker over each speaker's clips of
    a split.

    Args:
        corpus: with labels.
        store: of its states.
        splits: besides train.
        how: knobs for features.
        left_out: labels whose clips are left out.

    Raises:
        ValueError: if train has no clip.
    """
    sides: dict[str, Clips] = {}
    for split in ("train", *splits):
        if clips := [u for u in corpus.of(split) if u.label not in left_out]:
            sides[split] = vectors(store, clips, how)
    if "train" not in sides:
        raise ValueError("the corpus has no clip with a known class in train")
    if how.normalise == "speaker":
        return {split: by_speaker(of) for split, of in sides.items()}
    scaler = StandardScaler().fit(sides["train"].features)
    return {
        split: replace(of, features=scaler.transform(of.features)) for split, of in sides.items()
    }


def by_speaker(clips: Clips) -> Clips:
    """Return the clips with features normalised by speaker."""
    return replace(clips, features=without_voices(clips.features, clips.speakers))


def narrowed(sides: dict[str, Clips]) -> dict[str, Clips]:
    """Return the clips with the features of one view, which train chooses."""
    columns = chosen_columns(sides["train"])
    return {
        split: replace(of, features=of.features[:, columns], views=())
        for split, of in sides.items()
    }
