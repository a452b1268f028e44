"""`voicegraft compare`: what a change of the project changes."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import complain, mistakes_told
from voicegraft.evaluation.summary import Evaluate
from voicegraft.params import load_params
from voicegraft.review import comparison, markdown
from voicegraft.review.gate import Compare, broken
from voicegraft.review.revisions import Revision, merge_base
from voicegraft.review.transcripts import most_reworded


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

    Reads evaluation/ and params.yaml as committed there and as they lie here. Differences come
    with an interval from a bootstrap in pairs. Transcripts are shown where DVC has those of both.

    \b
    voicegraft compare                           # against the commit at which main was left
    voicegraft compare HEAD~1 --no-transcripts
    voicegraft compare main --gate
    """
    root = Path()
    with mistakes_told():
        rules = load_params(Compare, "compare")
        params = load_params(Evaluate, "evaluate")
        old, new = Revision(root, revision or merge_base(root)), Revision(root)
        found = comparison.compare(old, new, params)
    typer.echo(markdown.rendered(found, params.confidence))
    for model in dict.fromkeys(split.model for split in found.splits) if transcripts else []:
        if rewordings := most_reworded(model, old, new):
            typer.echo("\n" + markdown.rendered_rewordings(model, rewordings))
    failures = list(broken(found, rules.gate))
    for line in failures:
        complain(line)
    raise typer.Exit(1 if gate and failures else 0)
