"""`voicegraft false-accepts`: false accepts per hour in audio without keywords."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from scipy.stats import chi2

from voicegraft.cli.recordings import each_recording, mistakes_reported
from voicegraft.inference.recordings import find_recordings
from voicegraft.speech.audio import legible


def false_accepts_per_hour(
    hits: int, hours: float, confidence: float
) -> tuple[float, float, float]:
    """Return false accepts per hour, and the interval of that rate.

    The interval is Garwood's for a Poisson count (1936, https://doi.org/10.1093/biomet/28.3-4.437):
    after ten hours without a hit, up to 0.37 per hour are still possible.

    Args:
        hits: in recordings without any keyword; overlapping ones count once.
        hours: total length of those recordings.
        confidence: coverage of the interval, 0 to 1.

    Raises:
        ValueError: if `hours` is 0 or less, or `hits` is negative.
    """
    if hours <= 0 or hits < 0:
        raise ValueError(f"hours must be above 0 and hits 0 or more, not {hours} and {hits}")
    tail = (1 - confidence) / 2
    low = chi2.ppf(tail, 2 * hits) / 2 if hits else 0.0
    high = chi2.ppf(1 - tail, 2 * (hits + 1)) / 2
    return hits / hours, float(low) / hours, float(high) / hours


if TYPE_CHECKING:
    from voicegraft.inference.classifier import Classified

CONFIDENCE = 0.95


class Counted:
    """Count false accepts in recordings without keywords."""

    def __init__(self, threshold: float, unknown: list[str]):
        self.threshold, self.unknown = threshold, unknown
        self.hits, self.seconds = 0, 0.0

    def __call__(self, recording: Path, found: "Classified", several: bool) -> str:  # noqa: ARG002
        """Add a recording, and return a line about it."""
        hits = sum(hit.label not in self.unknown for hit in found.hits)
        if found.probabilities:  # short enough to be one clip
            label, probability = next(iter(found.probabilities.items()))
            hits = int(label not in self.unknown and probability >= self.threshold)
        self.hits, self.seconds = self.hits + hits, self.seconds + found.seconds
        return f"{legible(recording)}: {hits} in {found.seconds / 60:.1f} min"

    def rate(self) -> str:
        """Return the rate per hour, with the interval of a Poisson count."""

        hours = self.seconds / 3600
        rate, low, high = false_accepts_per_hour(self.hits, hours, CONFIDENCE)
        return (
            f"{rate:.1f} false accepts per hour ({low:.1f} to {high:.1f}): {self.hits} in "
            f"{hours:.2f} hours, at a threshold of {self.threshold:g}"
        )


def false_accepts(
    model: Annotated[
        Path, typer.Argument(help="Folder of a trained classifier, such as words/models/head.")
    ],
    files: Annotated[
        list[str],
        typer.Argument(help="Recordings, or folders of them, without any of its keywords."),
    ],
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="The lowest probability of a hit.")
    ] = 0.5,
    unknown: Annotated[
        list[str] | None, typer.Option(help="A label of the unknown class; repeat for several.")
    ] = None,
    window: Annotated[float, typer.Option(help="Seconds that are classified at once.")] = 1.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
) -> None:
    """Measure false accepts per hour in audio without keywords.

    Use as many hours of speech, music or noise without keywords as possible: after one hour without
    a hit, up to 3.7 per hour are still possible. Raise the threshold until the rate is low enough.
    evaluation/<model>/open_set.csv lists the share of keywords found at each threshold.

    \b
    voicegraft false-accepts words/models/head radio/ --threshold 0.9
    """
    from voicegraft.inference.classifier import Classifier

    counted = Counted(threshold, unknown or [])
    with mistakes_reported():
        classifier = Classifier(model, device, window, threshold)
        whole = list(each_recording(classifier, list(find_recordings(files)), counted))
        typer.echo(counted.rate())
    raise typer.Exit(0 if all(whole) else 1)
