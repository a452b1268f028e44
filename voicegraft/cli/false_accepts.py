"""How often a recogniser that listens all day takes for a word what is none.

`voicegraft false-accepts`: how often a listener takes for a word what is none.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from scipy.stats import chi2

from voicegraft.cli.recordings import each_recording, mistakes_told


def false_accepts_per_hour(
    hits: int, hours: float, confidence: float
) -> tuple[float, float, float]:
    """Return false accepts an hour, and the interval of their rate.

    The interval is Garwood's for a Poisson count (1936, https://doi.org/10.1093/biomet/28.3-4.437):
    after ten hours without a hit, up to 0.37 an hour are still possible.

    Args:
        hits: in recordings that hold none of the words; overlapping ones count once.
        hours: of those recordings.
        confidence: how often the interval should hold the truth, 0 to 1.

    Raises:
        ValueError: if there are no hours, or fewer hits than none.
    """
    if hours <= 0 or hits < 0:
        raise ValueError(f"false accepts need hours above 0 and hits from 0 on: {hits} in {hours}")
    tail = (1 - confidence) / 2
    low = chi2.ppf(tail, 2 * hits) / 2 if hits else 0.0
    high = chi2.ppf(1 - tail, 2 * (hits + 1)) / 2
    return hits / hours, float(low) / hours, float(high) / hours


if TYPE_CHECKING:
    from voicegraft.inference.classifier import Classified

CONFIDENCE = 0.95


class Counted:
    """What was heard in recordings that hold nothing."""

    def __init__(self, threshold: float, unknown: list[str]):
        self.threshold, self.unknown = threshold, unknown
        self.hits, self.seconds = 0, 0.0

    def __call__(self, recording: str, found: "Classified", several: bool) -> str:  # noqa: ARG002
        """Add a recording, and return a line about it."""
        hits = sum(hit.label not in self.unknown for hit in found.hits)
        if found.probabilities:  # too short to be looked through: it is one clip
            label, probability = next(iter(found.probabilities.items()))
            hits = int(label not in self.unknown and probability >= self.threshold)
        self.hits, self.seconds = self.hits + hits, self.seconds + found.seconds
        return f"{recording}: {hits} in {found.seconds / 60:.1f} min"

    def rate(self) -> str:
        """Return how many an hour that makes, with the interval of a Poisson count."""

        hours = self.seconds / 3600
        rate, low, high = false_accepts_per_hour(self.hits, hours, CONFIDENCE)
        return (
            f"{rate:.1f} false accepts an hour ({low:.1f} to {high:.1f}): {self.hits} in "
            f"{hours:.2f} hours, at a threshold of {self.threshold:g}"
        )


def false_accepts(
    model: Annotated[
        Path, typer.Argument(help="Folder of a trained classifier, such as words/models/head.")
    ],
    files: Annotated[
        list[str],
        typer.Argument(help="Recordings, or folders, that hold none of its words."),
    ],
    threshold: Annotated[float, typer.Option(min=0, max=1, help="The least probability.")] = 0.5,
    unknown: Annotated[
        list[str] | None, typer.Option(help="A label that stands for none, as often as needed.")
    ] = None,
    window: Annotated[float, typer.Option(help="In seconds: what is heard at once.")] = 1.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
) -> None:
    """Tell how often an hour a listener hears a word where there is none.

    Give it speech, music or noise without any of the words, as long as can be had: after an hour
    without a hit, up to 3.7 an hour are still possible. Raise the threshold until the rate is one
    that can be lived with, and see in evaluation/<model>/open_set.csv how many words that loses.

    \b
    voicegraft false-accepts words/models/head radio/ --threshold 0.9
    """
    from voicegraft.inference.classifier import Classifier

    counted = Counted(threshold, unknown or [])
    with mistakes_told():
        classifier = Classifier(model, device, window, threshold)
        whole = list(each_recording(classifier, files, counted))
        typer.echo(counted.rate())
    raise typer.Exit(0 if all(whole) else 1)
