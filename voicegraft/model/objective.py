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
from voicegraft.speech.manifest import BACKGROUND, Utterance


class Objective(Protocol):
    """The targets, loss, decoding and error rates of a task."""

    unlearnable: str
    """Reason for clips that cannot be learnt from, for messages."""
    remedy: str
    """Advice if there are many such clips."""

    def learnable(self, utterance: Utterance, frames: int) -> bool:
        """Return whether `frames` emitted frames are enough for the utterance's target."""
        ...

    def loss(self, emissions: Padded, utterances: Sequence[Utterance]) -> Tensor:
        """Return the loss, a scalar, of emissions (batch, frames, labels)."""
        ...

    def decode(self, emission: Tensor) -> str:
        """Return the prediction of emissions (frames, labels)."""
        ...

    def with_prediction(self, utterance: Utterance, prediction: str) -> Utterance:
        """Return the clip with a prediction as its text or label."""
        ...

    def rates(
        self, utterances: Sequence[Utterance], predictions: Sequence[str]
    ) -> dict[str, float]:
        """Return error rates of all predictions together; training selects by the first."""
        ...


@dataclass(frozen=True)
class Transcription:
    """Predict texts by CTC; `labels` are the symbols, the blank first."""

    labels: Sequence[str]
    unlearnable = "have more symbols than frames"
    remedy = (
        "check that texts belong to their recordings, or lower "
        "prepare_data.check.max_characters_per_second"
    )

    def learnable(self, utterance: Utterance, frames: int) -> bool:
        """See `Objective`: it has text, and enough frames for CTC to spell it; or is background."""
        symbols = ctc.target(utterance.text, self.labels)
        if utterance.split == BACKGROUND:
            return not len(symbols)
        return 0 < len(symbols) and ctc.frames_needed(symbols) <= frames

    def loss(self, emissions: Padded, utterances: Sequence[Utterance]) -> Tensor:
        """See `Objective`."""
        return ctc.loss(emissions, [ctc.target(u.text, self.labels) for u in utterances])

    def decode(self, emission: Tensor) -> str:
        """See `Objective`."""
        return ctc.greedy(emission, self.labels)

    def with_prediction(self, utterance: Utterance, prediction: str) -> Utterance:
        """See `Objective`."""
        return replace(utterance, text=prediction)

    def rates(
        self, utterances: Sequence[Utterance], predictions: Sequence[str]
    ) -> dict[str, float]:
        """See `Objective`: character and word error rate."""
        wanted, predictions = [u.text for u in utterances], list(predictions)
        return {"cer": jiwer.cer(wanted, predictions), "wer": jiwer.wer(wanted, predictions)}


@dataclass(frozen=True)
class Classification:
    """Predict the class from the one emitted frame; `labels` are the classes."""

    labels: Sequence[str]
    unlearnable = "are of a class that train does not have"
    remedy = "see prepare_data.split: each class needs clips in every split"

    def learnable(self, utterance: Utterance, frames: int) -> bool:  # noqa: ARG002
        """See `Objective`: the model has the utterance's class."""
        return utterance.label in self.labels

    def loss(self, emissions: Padded, utterances: Sequence[Utterance]) -> Tensor:
        """See `Objective`: the mean negative log-likelihood of the classes."""
        targets = torch.tensor([self.labels.index(u.label) for u in utterances])
        return F.nll_loss(emissions.values[:, 0].float(), targets.to(emissions.values.device))

    def decode(self, emission: Tensor) -> str:
        """See `Objective`."""
        return self.labels[int(emission[0].argmax())]

    def with_prediction(self, utterance: Utterance, prediction: str) -> Utterance:
        """See `Objective`."""
        return replace(utterance, label=prediction)

    def rates(
        self, utterances: Sequence[Utterance], predictions: Sequence[str]
    ) -> dict[str, float]:
        """See `Objective`: error rate and macro-F1."""
        from sklearn.metrics import f1_score  # takes a second to import

        wanted = [u.label for u in utterances]
        wrong = np.not_equal(wanted, list(predictions)).mean()
        f1 = f1_score(wanted, predictions, average="macro", zero_division=0)
        return {"error": float(wrong), "macro_f1": float(f1)}
