"""`voicegraft export`: a model as one ONNX file, for onnxruntime without torch."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from tqdm import tqdm

from voicegraft.cli.recordings import mistakes_reported

LACKING = "export needs onnx, onnxscript and onnxruntime: pip install 'voicegraft[export]'"


def export(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model, such as models/top3.")],
    out: Annotated[Path, typer.Option(help="The folder to write; there must be none yet.")],
    layout: Annotated[
        Literal["onnx-asr", "sherpa-onnx"],
        typer.Option(help="onnx-asr: waves as they are. sherpa-onnx: waves that it normalised."),
    ] = "onnx-asr",
    int8: Annotated[
        bool, typer.Option("--int8", help="Write model.int8.onnx too: smaller and faster.")
    ] = False,
    language: Annotated[
        str | None, typer.Option(help="A code for the card; by default that of params.yaml.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of model and corpus, as the hub writes it: cc-by-4.0.")
    ] = None,
) -> None:
    """Write a model as one ONNX file: waveform in, log-probabilities out.

    Whoever uses it needs onnxruntime, or an app that has it, and no torch. OUT is ready for a hub:
    model.onnx, its labels, config.json, a model card in README.md with the scores that evaluation/
    has of this very model, and its language model if it has one. The file is run beside torch on
    some clips before the folder appears, and the largest difference is printed.

    The language model has words of your texts, in their order. To keep them, export the model
    without it: models/top3 in place of models/top3_lm.

    \b
    voicegraft export models/top3 --out czech --int8 --licence gpl-2.0
    voicegraft export models/top3 --out czech-sherpa --layout sherpa-onnx
    voicegraft export words/models/head --out tones
    hf upload my-name/czech czech
    """
    with mistakes_reported():
        try:
            from voicegraft.export.folder import export as export_folder
        except ModuleNotFoundError as error:
            if error.name and error.name.partition(".")[0] not in ("onnx", "onnxruntime"):
                raise
            raise ValueError(LACKING) from None
        from voicegraft.export.card import Given

        given = Given(out.name, language, licence)
        with tqdm(unit="step", leave=False, disable=None) as bar:
            found = export_folder(model, out, layout, int8, given, lambda what: _next(bar, what))
    for file in sorted(path for path in out.rglob("*") if path.is_file()):
        typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    typer.echo(
        f"largest difference from torch: {found.difference:.1e} in log-probabilities, "
        f"on {found.clips} clips"
    )
    if found.alike is not None:
        typer.echo(f"int8: the same likeliest label in {found.alike:.1%} of their frames")


def _next(bar: tqdm, what: str) -> None:
    bar.set_description(what)
    bar.update()
