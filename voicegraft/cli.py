"""The `voicegraft` command: it calls, and does nothing itself."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from voicegraft.command import MISTAKES
from voicegraft.embedding.cache import Cache
from voicegraft.evaluation.summary import Evaluate
from voicegraft.inference.recordings import find_recordings
from voicegraft.params import load_params
from voicegraft.report.page import write_report
from voicegraft.review import comparison, markdown
from voicegraft.review.gate import Compare, broken
from voicegraft.review.revisions import Revision, merge_base
from voicegraft.review.transcripts import most_reworded

if TYPE_CHECKING:
    from voicegraft.inference.transcriber import Transcriber, Transcript

WORKPLACE = Path(".voicegraft/sweep")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def voicegraft() -> None:
    """Use speech models that `dvc repro` has trained."""


@app.command(no_args_is_help=True)
def transcribe(
    model: Annotated[
        Path, typer.Argument(help="Folder of a trained model, such as models/top3; or an adapter.")
    ],
    files: Annotated[
        list[str], typer.Argument(help="Recordings, or folders of them, in any format and rate.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file, with the times of segments.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    upstream: Annotated[
        Path | None, typer.Option(help="What an adapter was made for, such as models/upstream.")
    ] = None,
) -> None:
    """Write down what is said in recordings, however long.

    The text goes to standard output, with the file's name before it where there are several;
    progress and complaints go to standard error. A file that cannot be read does not stop the
    others; the exit status is then 1.

    \b
    voicegraft transcribe models/top3 talk.ogg
    voicegraft transcribe models/top3 interviews/ --json > interviews.jsonl
    voicegraft transcribe czech.safetensors --upstream models/upstream talk.ogg
    """
    from voicegraft.inference.transcriber import Transcriber  # brings torch: seconds

    try:
        recordings = list(find_recordings(files))
        transcriber = Transcriber(model, device, upstream=upstream)
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None
    several = len(recordings) > 1
    whole = [_print_transcript(transcriber, r, as_json, several) for r in recordings]
    raise typer.Exit(0 if all(whole) else 1)


@app.command(no_args_is_help=True)
def adapter(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model, such as models/lora.")],
    file: Annotated[Path, typer.Argument(help="To write to, such as czech.safetensors.")],
    upstream: Annotated[Path, typer.Option(help="What the model was trained from.")] = Path(
        "models/upstream"
    ),
) -> None:
    """Write to one file what a model has and its upstream has not: a few MB for each language.

    Of a head alone, or of the recipes lora, adapters, norms and biases, that is a small part; of
    blocks that were unfrozen, all of them. With the same upstream the file transcribes as the
    folder does, to the bit.

    \b
    voicegraft adapter models/lora czech.safetensors
    voicegraft transcribe czech.safetensors --upstream models/upstream talk.ogg
    """
    from voicegraft.adapter import write_adapter  # brings torch: seconds

    try:
        write_adapter(model, upstream, file)
        whole = sum(path.stat().st_size for path in model.iterdir())
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None
    size = file.stat().st_size
    typer.echo(f"{file}: {size / 1e6:.1f} MB, where {model} has {whole / 1e6:.1f} MB")


@app.command()
def cache(
    folder: Annotated[Path, typer.Option(help="Where it is.")] = Path(".voicegraft/cache"),
    clear: Annotated[bool, typer.Option("--clear", help="Delete all of it.")] = False,
) -> None:
    """Say how much the cache of embeddings holds, or clear it.

    Clips that were encoded once are taken from it, in whatever corpus they come again. Nothing is
    lost with it but time; its limit is extract_embeddings.cache_gigabytes in params.yaml.
    """
    if not folder.is_dir():
        typer.echo(f"{folder}: nothing is cached")
        return
    try:
        with Cache(folder, sys.maxsize) as kept:
            if clear:
                kept.clear()
            typer.echo(f"{folder}: {len(kept):,} entries, {kept.bytes / 1e9:.2f} GB")
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None


@app.command()
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
    try:
        rules = load_params(Compare, "compare")
        params = load_params(Evaluate, "evaluate")
        old, new = Revision(root, revision or merge_base(root)), Revision(root)
        found = comparison.compare(old, new, params)
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None
    typer.echo(markdown.rendered(found, params.confidence))
    for model in dict.fromkeys(split.model for split in found.splits) if transcripts else []:
        if rewordings := most_reworded(model, old, new):
            typer.echo("\n" + markdown.rendered_rewordings(model, rewordings))
    failures = list(broken(found, rules.gate))
    for line in failures:
        _complain(line)
    raise typer.Exit(1 if gate and failures else 0)


@app.command()
def report(
    output: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    clips: Annotated[
        int,
        typer.Option(min=0, help="Of the best, the median and the worst, each model and side."),
    ] = 10,
) -> None:
    """Make one page of all that `dvc repro` found, to look at in a browser; some seconds.

    Scores with their intervals, what pretraining gave, learning curves, where the errors lie, and
    clips to listen to, with what was said above what was written. It is one file that needs no
    network, reads evaluation/, data/ and models/, and says of what is not there how to get it.

    It holds sentences and voices of the corpus: keep it to yourself, or take `--clips 0`.

    \b
    voicegraft report && xdg-open report.html
    voicegraft report --clips 1000                # all there is to hear, where the corpus is small
    voicegraft report --clips 0 --output numbers.html
    """
    try:
        size = write_report(Path(), output, clips)
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None
    typer.echo(f"{output}: {size / 1e6:.1f} MB")


@app.command(no_args_is_help=True)
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
    try:
        for settings, lines in run.sweep(Path(), WORKPLACE, output, knobs, target or []):
            failed = failed or not lines
            if not lines:
                _complain(f"{' '.join(settings)}: failed, see above")
        typer.echo(table.rendered(table.read_lines(output)), nl=False)
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None
    raise typer.Exit(1 if failed else 0)


@app.command()
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

    try:
        for results in search.suggest(Path(), 60 * minutes):
            typer.echo(search.rendered(results) + "\n")
            best = results[0].setting
    except MISTAKES as error:
        _complain(error)
        raise typer.Exit(1) from None
    typer.echo(best.lines())


def _print_transcript(
    transcriber: "Transcriber", recording: Path, as_json: bool, several: bool
) -> bool:
    """Print what is said, and return whether the recording was whole."""
    try:
        with tqdm(desc=recording.name, unit="s of audio", leave=False, disable=None) as bar:
            transcript = transcriber(recording, progress=lambda seconds: bar.update(round(seconds)))
    except MISTAKES as error:
        _complain(error)
        return False
    typer.echo(_line(recording, transcript, as_json, several))
    if transcript.damage:
        _complain(transcript.damage)
    return not transcript.damage


def _complain(what: object) -> None:
    typer.echo(f"voicegraft: {what}", err=True)


def _line(recording: Path, transcript: "Transcript", as_json: bool, several: bool) -> str:
    if as_json:
        return json.dumps({"file": str(recording)} | asdict(transcript), ensure_ascii=False)
    return f"{recording}: {transcript.text}" if several else transcript.text


if __name__ == "__main__":
    app()
