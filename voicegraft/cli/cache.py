"""`voicegraft cache`: what is kept of clips once encoded."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import mistakes_told
from voicegraft.embedding.cache import Cache


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
    with mistakes_told():
        with Cache(folder, sys.maxsize) as kept:
            if clear:
                kept.clear()
            typer.echo(f"{folder}: {len(kept):,} entries, {kept.bytes / 1e9:.2f} GB")
