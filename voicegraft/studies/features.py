"""Clips as vectors: stored states, pooled and standardised, with labels, speakers and blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from pydantic import ConfigDict
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from voicegraft.embedding.knobs import head_layer
from voicegraft.embedding.store import Store
from voicegraft.evaluation.blocks import Blocks, choose_blocks
from voicegraft.model.layers import Layer, numbers
from voicegraft.model.pooling import Pooling, pool_clips, without_weights
from voicegraft.model.speakers import without_voices
from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import Corpus, Utterance


def pooled(store: Store, clips: Sequence[str], layers: Sequence[int], way: str) -> np.ndarray:
    """Return what is heard of each clip as a vector, (clips, features), in float64.

    Args:
        store: of the clips.
        clips: their ids.
        layers: which are stored; several stand side by side.
        way: see voicegraft.model.pooling.

    Raises:
        ValueError: if that way has weights, which nothing here trains.
    """
    pooling = Pooling(way, store.facts["size"], store.silence)
    if list(pooling.parameters()):
        raise ValueError(f"pooling: {way} has weights to be trained; take a way that has none")
    of_layers = [pool_clips(pooling, _states(store, clips, layer)) for layer in layers]
    return np.concatenate(of_layers, axis=1)


def _states(store: Store, clips: Sequence[str], layer: int) -> Iterator[Tensor]:
    for clip in clips:
        yield torch.from_numpy(store.states(clip, layer).astype(np.float32))


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

    layer: Layer
    pooling: str
    normalise: Literal["none", "speaker"]


def vectors(store: Store, utterances: Sequence[Utterance], how: Vectors) -> Clips:
    """Return clips as the head hears them, its layers side by side, as they are.

    Pooling that is learnt is untrained here, and has weights all alike.
    """
    ids = [utterance.id for utterance in utterances]
    return Clips(
        pooled(store, ids, numbers(head_layer(how.layer, store)), without_weights(how.pooling)),
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
            sides[split] = vectors(store, clips, how)
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
