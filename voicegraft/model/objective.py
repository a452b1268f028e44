"""A head's objective: loss, decoding, error rates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import jiwer
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from voicegraft.model import ctc
from voicegraft.model.batches import Padded
from voicegraft.speech.manifest import Utterance


class Objective(Protocol):
    """Of one task: what can be aimed at, what missing it costs, and what emissions tell."""

    unlearnable: str
    """Why some clips are left out, in words."""
    remedy: str
    """What to do where many are."""

    def learnable(self, utterance: Utterance, frames: int) -> bool:
        """Return whether so many emitted frames can tell it."""
        ...

    def loss(self, emissions: Padded, utterances: Sequence[Utterance]) -> Tensor:
        """Return what to lower, a scalar, of log-probabilities (batch, frames, labels)."""
        ...

    def decode(self, emission: Tensor) -> str:
        """Return what log-probabilities (frames, labels) tell."""
        ...

    def as_told(self, utterance: Utterance, told: str) -> Utterance:
        """Return the clip as if what was told of it were its label."""
        ...

    def rates(self, utterances: Sequence[Utterance], told: Sequence[str]) -> dict[str, float]:
        """Return rates of all clips together; the first is what training lowers."""
        ...


@dataclass(frozen=True)
class Transcription:
    """The text, by CTC; `labels` are its symbols, the blank first."""

    labels: Sequence[str]
    unlearnable = "have more symbols than frames"
    remedy = (
        "see whether each text is of its recording, or lower "
        "prepare_data.check.max_characters_per_second"
    )

    def learnable(self, utterance: Utterance, frames: int) -> bool:
        """See `Objective`: it has text, and there are frames enough for CTC to spell it."""
        symbols = ctc.target(utterance.text, self.labels)
        return 0 < len(symbols) and ctc.frames_needed(symbols) <= frames

    def loss(self, emissions: Padded, utterances: Sequence[Utterance]) -> Tensor:
        """See `Objective`."""
        return ctc.loss(emissions, [ctc.target(u.text, self.labels) for u in utterances])

    def decode(self, emission: Tensor) -> str:
        """See `Objective`."""
        return ctc.greedy(emission, self.labels)

    def as_told(self, utterance: Utterance, told: str) -> Utterance:
        """See `Objective`."""
        return replace(utterance, text=told)

    def rates(self, utterances: Sequence[Utterance], told: Sequence[str]) -> dict[str, float]:
        """See `Objective`: character and word error rate."""
        wanted, told = [u.text for u in utterances], list(told)
        return {"cer": jiwer.cer(wanted, told), "wer": jiwer.wer(wanted, told)}


@dataclass(frozen=True)
class Classification:
    """The class, which the one emitted frame tells; `labels` are the classes."""

    labels: Sequence[str]
    unlearnable = "are of a class that train has not"
    remedy = "see prepare_data.split: each class needs clips on every side"

    def learnable(self, utterance: Utterance, frames: int) -> bool:  # noqa: ARG002
        """See `Objective`: it is of a class that the model has."""
        return utterance.label in self.labels

    def loss(self, emissions: Padded, utterances: Sequence[Utterance]) -> Tensor:
        """See `Objective`: the mean negative log-likelihood of the classes."""
        targets = torch.tensor([self.labels.index(u.label) for u in utterances])
        return F.nll_loss(emissions.values[:, 0].float(), targets.to(emissions.values.device))

    def decode(self, emission: Tensor) -> str:
        """See `Objective`."""
        return self.labels[int(emission[0].argmax())]

    def as_told(self, utterance: Utterance, told: str) -> Utterance:
        """See `Objective`."""
        return replace(utterance, label=told)

    def rates(self, utterances: Sequence[Utterance], told: Sequence[str]) -> dict[str, float]:
        """See `Objective`: the share told wrongly, and the mean F1 of the classes."""
        from sklearn.metrics import f1_score  # brings a second to all that loads a model

        wanted = [u.label for u in utterances]
        wrong = np.not_equal(wanted, list(told)).mean()
        f1 = f1_score(wanted, told, average="macro", zero_division=0)
        return {"error": float(wrong), "macro_f1": float(f1)}
