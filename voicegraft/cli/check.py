"""`voicegraft check`: what is in a folder of speech, before any stage runs."""

import json
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from voicegraft.cli.recordings import mistakes_reported
from voicegraft.pipeline.params import load_params
from voicegraft.preparing.examination import PrepareData

DOWNLOADS = Path(".voicegraft/downloads")


def check(
    folder: Annotated[Path, typer.Argument(help="The folder of recordings and their texts.")],
    name: Annotated[
        str, typer.Option(help="Its layout, as corpus.name; by default the one that fits best.")
    ] = "",
    tier: Annotated[
        str, typer.Option(help="The tier with the text, of ELAN or Praat, as corpus.tier.")
    ] = "",
    language: Annotated[str, typer.Option(help="The code of the language, for params.yaml.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="All that was found, as JSON.")] = False,
) -> None:
    """Say what is in a folder of speech, and what params.yaml should say; nothing is changed.

    Hours, speakers, clips that cannot be used and why, clips recorded too loud or twice; each
    character of the texts with its number, and the odd ones by name: look-alikes of another script,
    two spellings of one letter, signs that cannot be seen, tones written as signs. No sentence is
    shown, only file names.

    The bounds are those of prepare_data in params.yaml here. The exit status is 1 if no clip is
    usable. An hour of speech takes some seconds.

    \b
    voicegraft check data/own
    voicegraft check ~/tapes --tier utterance --language yo
    """
    from voicegraft.checking.findings import examine
    from voicegraft.checking.recognition import recognise
    from voicegraft.checking.report import as_json as in_json
    from voicegraft.checking.report import report

    with mistakes_reported():
        params = load_params(PrepareData, "prepare_data")
        corpus = recognise(folder, DOWNLOADS, name, tier)
        with tqdm(
            desc="check", total=len(corpus.clips), unit="clip", leave=False, disable=None
        ) as bar:
            found = examine(corpus.clips, params, bar.update)
        if as_json:
            text = json.dumps(in_json(corpus, found, language), ensure_ascii=False, indent=2)
        else:
            text = report(corpus, found, language)
    typer.echo(text)
    raise typer.Exit(0 if found.seconds else 1)
