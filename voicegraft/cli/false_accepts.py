"""`voicegraft false-accepts`: how often a listener takes for a word what is none."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicegraft.cli.mistakes import mistakes_told
from voicegraft.cli.recordings import each_recording

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
        from voicegraft.evaluation.classes.false_accepts import false_accepts_per_hour

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
    from voicegraft.inference.classifier import Classifier  # brings torch: seconds

    counted = Counted(threshold, unknown or [])
    with mistakes_told():
        classifier = Classifier(model, device, window, threshold)
        whole = list(each_recording(classifier, files, counted))
        typer.echo(counted.rate())
    raise typer.Exit(0 if all(whole) else 1)
