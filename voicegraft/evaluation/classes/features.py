"""Clips as vectors: stored states, pooled and standardised, with labels, speakers and blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from sklearn.preprocessing import StandardScaler

from voicegraft.embedding.pooled import pooled
from voicegraft.embedding.store import Store
from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.layers import numbers
from voicegraft.params import Section
from voicegraft.pooling import without_weights
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.voices import without_voices


@dataclass(frozen=True)
class Clips:
    """Some clips: features (clips, size), the label of each, their blocks, and who speaks."""

    features: np.ndarray
    labels: Sequence[str]
    blocks: Blocks
    speakers: Sequence[str] = ()


class Vectors(Section):
    """Of the section `head`, what makes a vector of a clip."""

    model_config = ConfigDict(extra="ignore")

    pooling: str
    normalise: Literal["none", "speaker"]


def vectors(store: Store, utterances: Sequence[Utterance], pooling: str) -> Clips:
    """Return clips as the head hears them, its layers side by side, as they are.

    Pooling that is learnt is untrained here, and has weights all alike.
    """
    ids = [utterance.id for utterance in utterances]
    return Clips(
        pooled(store, ids, numbers(store.layer), without_weights(pooling)),
        [utterance.label for utterance in utterances],
        choose_blocks(utterances),
        [utterance.speaker for utterance in utterances],
    )


def read_clips(
    corpus: Corpus, store: Store, splits: Sequence[str], how: Vectors, left_out: Sequence[str]
) -> dict[str, Clips]:
    """Return the clips of train, and of those of `splits` that have any.

    Features are standardised over all of train, which needs no label; or, where they are normalised
    by speaker, over the speaker's clips of each side.

    Args:
        corpus: with labels.
        store: of its states.
        splits: besides train.
        how: a clip's states become one vector.
        left_out: labels whose clips are let be.

    Raises:
        ValueError: if train has no clip.
    """
    sides: dict[str, Clips] = {}
    for split in ("train", *splits):
        if clips := [u for u in corpus.of(split) if u.label not in left_out]:
            sides[split] = vectors(store, clips, how.pooling)
    if "train" not in sides:
        raise ValueError("the corpus has no clip in train whose class is known: nothing to learn")
    if how.normalise == "speaker":
        return {split: by_speaker(of) for split, of in sides.items()}
    scaler = StandardScaler().fit(sides["train"].features)
    return {
        split: replace(of, features=scaler.transform(of.features)) for split, of in sides.items()
    }


def by_speaker(clips: Clips) -> Clips:
    """Return the clips without what is each speaker's own."""
    return replace(clips, features=without_voices(clips.features, clips.speakers))
