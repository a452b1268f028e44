"""The knobs of a training run, its batches, and masking as augmentation.

It serves log-mel features and stored states alike, so a cached trunk is augmented too. What is
masked takes the clip's own mean, which is what the next layer expects to see least news in.
"""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from torch import Tensor

from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance
from voicegraft.speech.rows import Rows, choose, samples_of
from voicegraft.training.sampling import near_in_length, windows


class Masking(Section):
    """Knobs of the section `masking`; all zero masks nothing.

    A model that does not spell yet is given no masks, see `Trainer`.
    """

    time_masks_per_second: float = Field(ge=0, le=10)
    time_mask_frames: NonNegativeInt
    """The longest mask, in frames of what is masked."""
    size_masks: NonNegativeInt
    size_mask_share: float = Field(ge=0, le=1)
    """The widest mask, as a share of a frame's numbers."""


def mask(clip: Tensor, seconds: float, masking: Masking) -> Tensor:
    """Return `clip`, (frames, size) of `seconds`, with spans of frames and dimensions hidden.

    Of (frames, layers, size) the same are hidden in every layer, or one would tell the other's.
    Draws from torch's global generator.
    """
    times = round(masking.time_masks_per_second * seconds)
    widest = round(masking.size_mask_share * clip.shape[-1])
    frames = _spans(len(clip), times, masking.time_mask_frames)
    hidden = frames[:, None] | _spans(clip.shape[-1], masking.size_masks, widest)
    return torch.where(hidden if clip.ndim == 2 else hidden[:, None], clip.mean(0), clip)


def _spans(length: int, count: int, longest: int) -> Tensor:
    """Return True inside any of `count` random spans, (length,).

    Of the lengths and places of SpecAugment (Park et al. 2019, https://arxiv.org/abs/1904.08779)
    and of torchaudio.functional.mask_along_axis, which draws one span a call: for each second of
    speech anew, that took a twentieth of a head's training.
    """
    spans = longest * torch.rand(count, 1)
    first = ((length - spans) * torch.rand(count, 1)).long()
    place = torch.arange(length)
    return ((first <= place) & (place < first + spans.long())).any(0)


class Private(Section):
    """What a trained head may give away of a unit of train: voicegraft/training/private.py."""

    epsilon: PositiveFloat
    delta: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)]
    unit: Literal["utterance", "speaker"]


class Fit(Section):
    """Knobs of any training run."""

    seed: NonNegativeInt
    epochs: PositiveInt
    min_steps: NonNegativeInt
    """Of the optimiser: if `epochs` make fewer, there are more epochs. CTC needs hundreds of steps
    before it learns to spell, however little speech there is."""
    patience: PositiveInt
    """Epochs without a better dev CER before the run stops."""
    batch_seconds: PositiveFloat
    accumulate: PositiveInt
    """Batches to one step of the optimiser."""
    lr: PositiveFloat
    """Of the head, at its highest."""
    warmup_share: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    clip_norm: PositiveFloat
    masking: Masking
    private: Private | None = None
    """None: without a guarantee."""

    @model_serializer(mode="wrap")
    def _as_before_it_was_a_knob(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave `private` out where there is none: names of runs and provenance stay."""
        return {k: v for k, v in dump(self).items() if k != "private" or v is not None}

    def epoch_seed(self, epoch: int) -> int:
        """Return the seed of one epoch, so that a run can go on from any."""
        return self.seed * 100_003 + epoch

    def batch_seed(self, epoch: int, number: int) -> int:
        """Return the seed of one batch of an epoch."""
        return (self.epoch_seed(epoch) * 1_000_003 + number) % 2**63


DEALS = 4
"""Epochs that take turns with the background: each hears a part of it, and so at little cost all
together hear more kinds of sound."""


def with_background(
    train: Sequence[Utterance], background: Sequence[Utterance], epoch: int
) -> Sequence[Utterance]:
    """Return the clips of one epoch: all of train, and its part of the background."""
    part = background[epoch % DEALS :: DEALS]
    return train.joined(part) if isinstance(train, Rows) else [*train, *part]


def batches_in_order(
    utterances: Sequence[Utterance], batch_seconds: float
) -> list[Sequence[Utterance]]:
    """Return batches of neighbours in length, the shortest first."""
    return _batches(utterances, samples_of(utterances), batch_seconds)


def steps_of_epoch(
    utterances: Sequence[Utterance], fit: Fit, epoch: int, ranks: int = 1
) -> list[list[Sequence[Utterance]]]:
    """Return the batches of each step, of near neighbours in length.

    Their company and order change by the epoch. Batches of one step are neighbours as well: ranks
    that take them do alike work, and wait little for each other. Those of a large corpus come
    window by window: see `sampling`.
    """
    generator = torch.Generator().manual_seed(fit.epoch_seed(epoch))
    chosen = windows(samples_of(utterances), generator)
    parts = [choose(utterances, places) for places in chosen] if chosen else [utterances]
    dealt = (_shuffled(p, fit.batch_seconds, fit.accumulate * ranks, generator) for p in parts)
    return list(chain.from_iterable(dealt))


def _shuffled(
    utterances: Sequence[Utterance],
    batch_seconds: float,
    together: int,
    generator: torch.Generator,
) -> list[list[Sequence[Utterance]]]:
    """Return steps of `together` batches each, the last that is dealt perhaps of fewer."""
    jitter = 0.9 + 0.2 * torch.rand(len(utterances), generator=generator)
    lengths = np.rint(samples_of(utterances) * jitter.double().numpy()).astype(np.int64)
    batches = _batches(utterances, lengths, batch_seconds)
    steps = [batches[i : i + together] for i in range(0, len(batches), together)]
    return [steps[i] for i in torch.randperm(len(steps), generator=generator)]


def _batches(
    utterances: Sequence[Utterance], lengths: np.ndarray, batch_seconds: float
) -> list[Sequence[Utterance]]:
    budget = round(batch_seconds * SAMPLE_RATE)
    return [choose(utterances, batch) for batch in near_in_length(lengths, budget)]


def long_enough(fit: Fit, steps: int) -> Fit:
    """Return the budget with so many epochs that there are `min_steps`, and patience to match.

    Args:
        fit: the budget.
        steps: of an epoch.
    """
    epochs = max(fit.epochs, math.ceil(fit.min_steps / max(1, steps)))
    patience = math.ceil(fit.patience * epochs / fit.epochs)
    return fit.model_copy(update={"epochs": epochs, "patience": patience})


def scaled(fit: Fit, share: float) -> Fit:
    """Return the budget for that share of the speech: as many steps, each of less.

    More epochs and smaller batches, both by the root of the share: with epochs alone, the smallest
    amounts would be repeated hundreds of times; with batches alone, a step would be shorter than a
    clip.
    """
    root = math.sqrt(share)
    changes = {
        "epochs": math.ceil(fit.epochs / root),
        "patience": math.ceil(fit.patience / root),
        "batch_seconds": fit.batch_seconds * root,
        "min_steps": 0,
    }
    return fit.model_copy(update=changes)
