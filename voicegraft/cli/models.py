"""`voicegraft adapter` and `voicegraft cache`: adapters of models, and the cache of states."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.recordings import mistakes_reported
from voicegraft.embedding.cache import Cache


def adapter(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model, such as models/lora.")],
    file: Annotated[Path, typer.Argument(help="The adapter to write, such as czech.safetensors.")],
    upstream: Annotated[Path, typer.Option(help="The upstream the model was trained on.")] = Path(
        "models/upstream"
    ),
) -> None:
    """Write the weights that differ from the upstream to one file: a few MB for each language.

    The file is small for a head alone and for the recipes lora, adapters, norms and biases. Blocks
    that were unfrozen are stored completely. With the same upstream, the file transcribes exactly
    like the folder.

    \b
    voicegraft adapter models/lora czech.safetensors
    voicegraft transcribe czech.safetensors --upstream models/upstream talk.ogg
    """
    from voicegraft.model.adapter import write_adapter

    with mistakes_reported():
        write_adapter(model, upstream, file)
        whole = sum(path.stat().st_size for path in model.iterdir())
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
            typer.echo(f"{folder}: {len(kept):,} entries, {kept.bytes / 1e9:.2f} GB")
