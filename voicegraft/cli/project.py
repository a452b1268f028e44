"""Commands on a project: compare, report, sweep, suggest."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.recordings import complain, mistakes_told
from voicegraft.report.page import write_report
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
    from voicegraft.sweep import run, table

    failed = False
    with mistakes_told():
        for settings, lines in run.sweep(Path(), WORKPLACE, output, knobs, target or []):
            failed = failed or not lines
            if not lines:
                complain(f"{' '.join(settings)}: failed, see above")
        typer.echo(table.rendered(table.read_lines(output)), nl=False)
    raise typer.Exit(1 if failed else 0)


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
    from voicegraft.sweep import suggest as search

    with mistakes_told():
        for results in search.suggest(Path(), 60 * minutes):
            typer.echo(search.rendered(results) + "\n")
            best = results[0].setting
    typer.echo(best.lines())
