"""Commands on files: adapters of models, and the cache of states."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.recordings import mistakes_told
from voicegraft.embedding.cache import Cache


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
    from voicegraft.model.adapter import write_adapter

    with mistakes_told():
        write_adapter(model, upstream, file)
        whole = sum(path.stat().st_size for path in model.iterdir())
    size = file.stat().st_size
    typer.echo(f"{file}: {size / 1e6:.1f} MB, where {model} has {whole / 1e6:.1f} MB")


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
