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
    """Return the pooled states of each clip, (clips, features), in float64.

    Args:
        store: of the clips.
        clips: their ids.
        layers: stored layers, which are concatenated.
        way: see voicegraft.model.pooling.

    Raises:
        ValueError: if that way has weights to train.
    """
    pooling = Pooling(way, store.facts["size"], store.silence)
    if list(pooling.parameters()):
        raise ValueError(f"pooling: {way} has weights to train; choose a way without")
    of_layers = [pool_clips(pooling, _states(store, clips, layer)) for layer in layers]
    return np.concatenate(of_layers, axis=1)


def _states(store: Store, clips: Sequence[str], layer: int) -> Iterator[Tensor]:
    for clip in clips:
        yield torch.from_numpy(store.states(clip, layer).astype(np.float32))


@dataclass(frozen=True)
class Clips:
    """Features (clips, size), labels, blocks and speakers of clips."""

    features: np.ndarray
    labels: Sequence[str]
    blocks: Blocks
    speakers: Sequence[str] = ()


class Vectors(Section):
    """Knobs of the section `head` for features."""

    model_config = ConfigDict(extra="ignore")

    layer: Layer
    pooling: str
    normalise: Literal["none", "speaker"]


def vectors(store: Store, utterances: Sequence[Utterance], how: Vectors) -> Clips:
    """Return clips with the head's input as features, not standardised.

    Learnt pooling is replaced by equal weights.
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
