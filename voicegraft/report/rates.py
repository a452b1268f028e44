"""The rates of each task, and their names in the report."""

from collections.abc import Mapping
from dataclasses import dataclass

from voicegraft.pipeline.params import CLASSIFICATION, TRANSCRIPTION


@dataclass(frozen=True)
class Rates:
    """The rates of a task: names by key; the first is the main one."""

    scored: Mapping[str, str]
    """In rates.json and slices.csv."""
    more_is_better: bool
    """Whether higher is better for `scored`."""
    lost: Mapping[str, str]
    """Error rates in transfer.json and robustness.csv."""
    followed: Mapping[str, str]
    """Metrics by epoch."""
    explained: str
    """The target of linear probes."""

    @property
    def first(self) -> str:
        """The key of the rate that orders models."""
        return next(iter(self.scored))

    @property
    def error(self) -> str:
        """The key of the error rate that decides verdicts."""
        return next(iter(self.lost))


def heading(name: str) -> str:
    """Return the name with a capital letter."""
    return name[:1].upper() + name[1:]


WRITTEN = {"cer": "CER", "wer": "WER"}
RATES = {
    TRANSCRIPTION: Rates(
        scored=WRITTEN,
        more_is_better=False,
        lost=WRITTEN,
        followed={"train/loss": "Loss on train", "dev/cer": "CER on dev", "dev/wer": "WER on dev"},
        explained="letters",
    ),
    CLASSIFICATION: Rates(
        scored={"accuracy": "accuracy", "macro_f1": "macro-F1"},
        more_is_better=True,
        lost={"error_rate": "error rate"},
        followed={
            "train/loss": "Loss on train",
            "dev/error": "Error rate on dev",
            "dev/macro_f1": "Macro-F1 on dev",
        },
        explained="classes",
    ),
}
