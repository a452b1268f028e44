"""What the page shows of each task, and what that is called."""

from collections.abc import Mapping
from dataclasses import dataclass

from voicegraft.pipeline.task import CLASSIFICATION, TRANSCRIPTION


@dataclass(frozen=True)
class Rates:
    """The rates of a task by their keys, with their names; the first decides."""

    scored: Mapping[str, str]
    """In metrics.json and slices.csv."""
    more_is_better: bool
    """Of those."""
    lost: Mapping[str, str]
    """Errors, as in transfer.json and robustness.csv."""
    followed: Mapping[str, str]
    """Over epochs."""
    foretold: str
    """By the layers that were probed."""

    @property
    def first(self) -> str:
        """The key of the rate that models are put in order by."""
        return next(iter(self.scored))

    @property
    def error(self) -> str:
        """The key of the errors that a verdict goes by."""
        return next(iter(self.lost))


def heading(name: str) -> str:
    """Return the name as a title begins with it; CER is one already."""
    return name[:1].upper() + name[1:]


WRITTEN = {"cer": "CER", "wer": "WER"}
RATES = {
    TRANSCRIPTION: Rates(
        scored=WRITTEN,
        more_is_better=False,
        lost=WRITTEN,
        followed={"train/loss": "Loss on train", "dev/cer": "CER on dev", "dev/wer": "WER on dev"},
        foretold="letters",
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
        foretold="classes",
    ),
}
