"""The knobs of a training run, and the batches of its epochs."""

from collections.abc import Sequence

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from voicegraft.params import Section
from voicegraft.speech.batches import batches_by_length
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance
from voicegraft.training.masking import Masking


class Fit(Section):
    """Knobs of any training run."""

    seed: NonNegativeInt
    epochs: PositiveInt
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
