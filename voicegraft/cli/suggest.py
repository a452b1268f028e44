"""`voicegraft suggest`: what to take, within a time."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import mistakes_told


def suggest(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to look, about.")] = 15.0,
) -> None:
    """Find which head, layer and rate suit this speech, and write the lines for params.yaml.

    Short trainings on what extract_embeddings has stored, by successive halving: many settings for
    a few epochs, the better half for twice as long, until one is left. They are scored on dev;
    test is not looked at. Run `dvc repro extract_embeddings` first. For other upstreams, and for
    numbers on test, see `voicegraft sweep`.

    \b
    voicegraft suggest --minutes 30
    """
    from voicegraft.sweep import suggest as search  # brings torch: seconds

    with mistakes_told():
        for results in search.suggest(Path(), 60 * minutes):
            typer.echo(search.rendered(results) + "\n")
            best = results[0].setting
    typer.echo(best.lines())
