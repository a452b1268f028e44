"""The knobs of a training run, its batches, and masking as augmentation.

It serves log-mel features and stored states alike, so a cached trunk is augmented too. What is
masked takes the clip's own mean, which is what the next layer expects to see least news in.
"""

import math
from collections.abc import Sequence

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from voicegraft.model.batches import batches_by_length
from voicegraft.pipeline.params import Section
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance


class Masking(Section):
    """Knobs of the section `masking`; all zero masks nothing."""

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

    def epoch_seed(self, epoch: int) -> int:
        """Return the seed of one epoch, so that a run can go on from any."""
        return self.seed * 100_003 + epoch


DEALS = 4
"""Epochs that take turns with the background: each hears a part of it, and so at little cost all
together hear more kinds of sound."""


def with_background(
    train: Sequence[Utterance], background: Sequence[Utterance], epoch: int
) -> list[Utterance]:
    """Return the clips of one epoch: all of train, and its part of the background."""
    return [*train, *background[epoch % DEALS :: DEALS]]


def batches_in_order(
    utterances: Sequence[Utterance], batch_seconds: float
) -> list[list[Utterance]]:
    """Return batches of neighbours in length, the shortest first."""
    lengths = [utterance.samples for utterance in utterances]
    return _batches(utterances, lengths, batch_seconds)


def batches_of_epoch(
    utterances: Sequence[Utterance], fit: Fit, epoch: int
) -> list[list[Utterance]]:
    """Return batches of near neighbours in length, whose company and order change by the epoch."""
    generator = torch.Generator().manual_seed(fit.epoch_seed(epoch))
    jitter = 0.9 + 0.2 * torch.rand(len(utterances), generator=generator)
    lengths = [round(u.samples * j) for u, j in zip(utterances, jitter.tolist(), strict=True)]
    batches = _batches(utterances, lengths, fit.batch_seconds)
    return [batches[i] for i in torch.randperm(len(batches), generator=generator)]


def _batches(
    utterances: Sequence[Utterance], lengths: Sequence[int], batch_seconds: float
) -> list[list[Utterance]]:
    budget = round(batch_seconds * SAMPLE_RATE)
    return [[utterances[i] for i in batch] for batch in batches_by_length(lengths, budget)]


def steps_of_epoch(utterances: Sequence[Utterance], fit: Fit, devices: int = 1) -> int:
    """Return the steps of the optimiser in one epoch, of which each device takes its share."""
    batches = len(batches_of_epoch(utterances, fit, 0)) // devices
    return -(-batches // fit.accumulate)


def long_enough(fit: Fit, utterances: Sequence[Utterance], devices: int = 1) -> Fit:
    """Return the budget with so many epochs that there are `min_steps`, and patience to match."""
    steps = max(1, steps_of_epoch(utterances, fit, devices))
    epochs = max(fit.epochs, math.ceil(fit.min_steps / steps))
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
