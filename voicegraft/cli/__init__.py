"""The `voicegraft` command: the files here parse arguments, call the library and print."""

import typer

from voicegraft.cli.adapt import adapt
from voicegraft.cli.align import align
from voicegraft.cli.check import check
from voicegraft.cli.export import export
from voicegraft.cli.false_accepts import false_accepts
from voicegraft.cli.listen import listen
from voicegraft.cli.plan import plan
from voicegraft.cli.privacy import forget, names
from voicegraft.cli.project import adapter, cache, compare, report, suggest, sweep
from voicegraft.cli.recognise import classify, transcribe

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def voicegraft() -> None:
    """Use speech models that `dvc repro` has trained."""


CORPORA = (check, align, forget)
SCALE = (plan,)
MODELS = (transcribe, classify, adapt, export, adapter, false_accepts, sweep)
for needs_arguments in (*CORPORA, *MODELS, *SCALE):
    app.command(no_args_is_help=True)(needs_arguments)
for does_without in (cache, compare, listen, names, report, suggest):
    app.command()(does_without)
