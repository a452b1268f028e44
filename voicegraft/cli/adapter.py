"""`voicegraft adapter`: a language in one file."""

from pathlib import Path
from typing import Annotated

import typer

from voicegraft.cli.mistakes import mistakes_told


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

    with mistakes_told():
        write_adapter(model, upstream, file)
        whole = sum(path.stat().st_size for path in model.iterdir())
    size = file.stat().st_size
    typer.echo(f"{file}: {size / 1e6:.1f} MB, where {model} has {whole / 1e6:.1f} MB")
