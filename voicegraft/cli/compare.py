"""`voicegraft compare`: what a change of the project changes."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import complain, mistakes_told
from voicegraft.review.escaping import escaped
from voicegraft.review.pipelines import reviews
from voicegraft.review.revisions import merge_base


def compare(
    revision: Annotated[
        str, typer.Argument(help="Any commit, branch or tag; by default where main was left.")
    ] = "",
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 1 if a rule of compare.gate is broken.")
    ] = False,
    transcripts: Annotated[
        bool, typer.Option(help="Show the transcripts that changed most: sentences.")
    ] = True,
) -> None:
    """Say what this working tree changes against a revision, beyond luck, in Markdown.

    Reads evaluation/ and params.yaml as committed there and as they lie here; at the root those of
    words/ too. Differences come with an interval from a bootstrap in pairs. Transcripts are shown
    where DVC has those of both.

    \b
    voicegraft compare                           # against the commit at which main was left
    voicegraft compare HEAD~1 --no-transcripts
    voicegraft compare main --gate
    """
    root = Path()
    with mistakes_told():
        found, lacking = reviews(root, revision or merge_base(root))
    sections = [*(review.rendered(transcripts) for review in found), *map(escaped, lacking)]
    typer.echo("\n\n".join(sections))
    failures = [line for review in found for line in review.broken()]
    for line in failures:
        complain(line)
    raise typer.Exit(1 if gate and failures else 0)
