"""`voicegraft sweep`: all combinations of values."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import complain, mistakes_told

WORKPLACE = Path(".voicegraft/sweep")


def sweep(
    knobs: Annotated[
        list[str], typer.Argument(help="knob=value,value as in params.yaml, each with each.")
    ],
    target: Annotated[
        list[str] | None, typer.Option(help="A stage to end at, such as evaluate@head.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The table.")] = Path("evaluation/sweep.csv"),
) -> None:
    """Try all combinations of values, and say which does best on dev.

    Each is a DVC experiment on the last commit, in a checkout of its own under .voicegraft: what
    you have here stays as it is, clips once encoded are not encoded again, and `dvc exp show`,
    `diff` and `apply` know the results. Called again, it goes on where it was stopped, and adds to
    the table.

    \b
    voicegraft sweep head.name=ctc_linear,ctc_transformer head.layer=3,6 --target evaluate@head
    voicegraft sweep upstream.checkpoint=tiny.en 'extract_embeddings.layers=[1,4]' head.layer=4
    """
    from voicegraft.sweep import run, table  # brings all of dvc: a second

    failed = False
    with mistakes_told():
        for settings, lines in run.sweep(Path(), WORKPLACE, output, knobs, target or []):
            failed = failed or not lines
            if not lines:
                complain(f"{' '.join(settings)}: failed, see above")
        typer.echo(table.rendered(table.read_lines(output)), nl=False)
    raise typer.Exit(1 if failed else 0)
