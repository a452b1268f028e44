"""`voicegraft adapt`: a model for a new voice, from recordings without texts."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from voicegraft.cli.recordings import complain, mistakes_reported


def adapt(
    model: Annotated[
        Path, typer.Argument(help="Folder of a trained model, such as models/top3_lm.")
    ],
    files: Annotated[
        list[str], typer.Argument(help="Recordings of the voice, or folders, without any texts.")
    ],
    out: Annotated[Path, typer.Option(help="The folder of the new model; there must be none yet.")],
    corpus: Annotated[
        Path | None,
        typer.Option(help="The corpus of the model's training, such as data/corpus."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the clips.")] = 8,
    keep: Annotated[
        float, typer.Option(min=0.01, max=1, help="The share of clips to learn from.")
    ] = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where it is trained.")
    ] = "auto",
) -> None:
    """Adapt a model to a new voice, from minutes of it that nobody has transcribed.

    The model labels the recordings, with its language model where it has one, and learns on from
    the texts that it is surest of. They may be those that you want transcribed. MODEL stays as it
    is; the new folder is used like it.

    Name the corpus as well: its train clips are learnt beside, so that other voices are not
    forgotten, and on its dev clips the new model has to prove that it is no worse: it is written
    only if the interval of the change of their CER ends below one point.

    Each minute of the voice takes about a minute on two cores, and the check on dev two more. With
    a language model, little or nothing is gained on a minute of speech: see docs/unlabelled.md, and
    compare the two models on some recordings.

    \b
    voicegraft adapt models/top3_lm grandma/ --corpus data/corpus --out models/grandma
    voicegraft transcribe models/grandma grandma/
    """
    from voicegraft.inference.adaptation import Knobs, in_words
    from voicegraft.inference.adapted_folder import adapt_folder

    knobs = Knobs(epochs=epochs, keep=keep, seed=seed, accelerator=device)
    with mistakes_reported():
        found = adapt_folder(model, files, out, corpus, knobs)
    for damage in found.damaged:
        complain(damage)
    typer.echo(f"{out}: learnt from {found.minutes:.1f} minutes")
    typer.echo(f"dev: {in_words(found.dev)}" if found.dev else "dev: not checked without --corpus")
