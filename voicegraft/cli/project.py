"""Commands for a project: compare, report, sweep, suggest, adapter, cache."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.recordings import complain, mistakes_reported
from voicegraft.embedding.cache import Cache
from voicegraft.report.page import write_report
from voicegraft.review.escaping import escaped
from voicegraft.review.pipelines import reviews
from voicegraft.review.revisions import merge_base


def compare(
    revision: Annotated[
        str, typer.Argument(help="A commit, branch or tag; by default the merge base with main.")
    ] = "",
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 1 if a rule of compare.gate is broken.")
    ] = False,
    transcripts: Annotated[
        bool, typer.Option(help="Show the transcripts that changed most (sentences of the corpus).")
    ] = True,
) -> None:
    """Compare the scores of this working tree with a revision, with intervals, in Markdown.

    Reads evaluation/ and params.yaml of the revision and of the working tree; at the root, those of
    words/ too. Each difference has an interval from a paired bootstrap. Transcripts are shown if
    DVC has those of both.

    \b
    voicegraft compare                           # against the merge base with main
    voicegraft compare HEAD~1 --no-transcripts
    voicegraft compare main --gate
    """
    root = Path()
    with mistakes_reported():
        found, lacking = reviews(root, revision or merge_base(root))
    sections = [*(review.rendered(transcripts) for review in found), *map(escaped, lacking)]
    typer.echo("\n\n".join(sections))
    failures = [line for review in found for line in review.broken()]
    for line in failures:
        complain(line)
    raise typer.Exit(1 if gate and failures else 0)


def report(
    output: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
    clips: Annotated[
        int,
        typer.Option(
            min=0, help="Clips of each rank (best, median, worst) for each model and split."
        ),
    ] = 10,
) -> None:
    """Write one HTML page with all results of `dvc repro`; takes some seconds.

    It shows scores with their intervals, gains from pretraining and from unlabelled clips, learning
    curves, errors, and clips to listen to, with the reference above the hypothesis. In words/ it
    shows the confusion matrix, calibration, few-shot accuracy, the unknown class and unseen
    speakers. The file needs no network. It is made from evaluation/, data/ and models/, and names
    the command for each result that is missing.

    The page contains sentences and voices of the corpus: keep it private, or use `--clips 0`.

    \b
    voicegraft report && xdg-open report.html
    voicegraft report --clips 1000                # all clips of a small corpus
    voicegraft report --clips 0 --output numbers.html
    """
    with mistakes_reported():
        size = write_report(Path(), output, clips)
    typer.echo(f"{output}: {size / 1e6:.1f} MB")


WORKPLACE = Path(".voicegraft/sweep")


def sweep(
    knobs: Annotated[
        list[str], typer.Argument(help="knob=value,value as in params.yaml; all combinations run.")
    ],
    target: Annotated[
        list[str] | None, typer.Option(help="The last stage to run, such as evaluate@head.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The table.")] = Path("evaluation/sweep.csv"),
) -> None:
    """Run all combinations of values, and print the results, the best on dev first.

    Each combination is a DVC experiment on the last commit, in a checkout under .voicegraft. The
    working tree is not changed, cached states are reused, and `dvc exp show`, `diff` and `apply`
    work on the results. A second call continues where the first stopped, and adds lines to the
    table.

    \b
    voicegraft sweep head.name=ctc_linear,ctc_transformer head.layer=3,6 --target evaluate@head
    voicegraft sweep upstream.checkpoint=tiny.en 'extract_embeddings.layers=[1,4]' head.layer=4
    """
    from voicegraft.sweep import grid

    failed = False
    with mistakes_reported():
        for settings, lines in grid.sweep(Path(), WORKPLACE, output, knobs, target or []):
            failed = failed or not lines
            if not lines:
                complain(f"{' '.join(settings)}: failed, see above")
        typer.echo(grid.rendered(grid.read_lines(output)), nl=False)
    raise typer.Exit(1 if failed else 0)


def suggest(
    minutes: Annotated[float, typer.Option(min=0.1, help="Approximate time of the search.")] = 15.0,
) -> None:
    """Search for the best head, layer and learning rate, and print the lines for params.yaml.

    Heads are trained on the states that extract_embeddings has stored, by successive halving: many
    settings for a few epochs, then the better half for twice as long, until one is left. Scores are
    on dev; test is not used. Run `dvc repro extract_embeddings` first. To try other upstreams, or
    to score on test, use `voicegraft sweep`.

    \b
    voicegraft suggest --minutes 30
    """
    from voicegraft.sweep import suggest as search

    with mistakes_reported():
        for results in search.suggest(Path(), 60 * minutes):
            typer.echo(search.rendered(results) + "\n")
            best = results[0].setting
    typer.echo(best.lines())


def adapter(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model, such as models/lora.")],
    file: Annotated[Path, typer.Argument(help="The adapter to write, such as czech.safetensors.")],
    upstream: Annotated[Path, typer.Option(help="The upstream the model was trained on.")] = Path(
        "models/upstream"
    ),
) -> None:
    """Write the weights that differ from the upstream to one file: a few MB for each language.

    The file is small for a head alone and for the recipes lora, adapters, norms and biases. Blocks
    that were unfrozen are stored completely, and so is a language model. With the same upstream,
    the file transcribes exactly like the folder.

    \b
    voicegraft adapter models/lora czech.safetensors
    voicegraft transcribe czech.safetensors --upstream models/upstream talk.ogg
    """
    from voicegraft.model.adapter import write_adapter

    with mistakes_reported():
        write_adapter(model, upstream, file)
        whole = sum(path.stat().st_size for path in model.rglob("*"))
    size = file.stat().st_size
    typer.echo(f"{file}: {size / 1e6:.1f} MB; {model} has {whole / 1e6:.1f} MB")


def cache(
    folder: Annotated[Path, typer.Option(help="The folder of the cache.")] = Path(
        ".voicegraft/cache"
    ),
    clear: Annotated[bool, typer.Option("--clear", help="Delete the whole cache.")] = False,
) -> None:
    """Print the size of the cache of embeddings, or clear it.

    A clip that was encoded before is read from the cache, whichever corpus it is in. Clearing the
    cache costs only the time to encode again. Its limit is extract_embeddings.cache_gigabytes in
    params.yaml.
    """
    if not folder.is_dir():
        typer.echo(f"{folder}: the cache is empty")
        return
    with mistakes_reported():
        with Cache(folder, sys.maxsize) as kept:
            if clear:
                kept.clear()
            typer.echo(f"{folder}: {len(kept):,} entries, {kept.size_bytes / 1e9:.2f} GB")
