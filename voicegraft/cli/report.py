"""`voicegraft report`: a page to look at."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import mistakes_told
from voicegraft.report.page import write_report


def report(
    output: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    clips: Annotated[
        int,
        typer.Option(min=0, help="Of the best, the median and the worst, each model and side."),
    ] = 10,
) -> None:
    """Make one page of all that `dvc repro` found, to look at in a browser; some seconds.

    Scores with their intervals, what pretraining gave and recordings without labels, learning
    curves, where the errors lie, and clips to listen to, with what was said above what was written.
    In words/, of classes: what is taken for what, calibration, few clips of each, clips of none,
    and voices never heard. It is one file that needs no network, reads evaluation/, data/ and
    models/, and says of what is not there how to get it.

    It holds sentences and voices of the corpus: keep it to yourself, or take `--clips 0`.

    \b
    voicegraft report && xdg-open report.html
    voicegraft report --clips 1000                # all there is to hear, where the corpus is small
    voicegraft report --clips 0 --output numbers.html
    """
    with mistakes_told():
        size = write_report(Path(), output, clips)
    typer.echo(f"{output}: {size / 1e6:.1f} MB")
