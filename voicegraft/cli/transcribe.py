"""`voicegraft transcribe`: transcripts of recordings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicegraft.cli.recordings import each_recording, json_line, mistakes_reported

if TYPE_CHECKING:
    from voicegraft.inference.transcriber import Transcript


def transcribe(
    model: Annotated[
        Path, typer.Argument(help="Folder of a trained model, such as models/top3; or an adapter.")
    ],
    files: Annotated[
        list[str], typer.Argument(help="Recordings, or folders of them, in any format and rate.")
    ],
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object for each file, with the times of segments."),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    upstream: Annotated[
        Path | None, typer.Option(help="The upstream of an adapter, such as models/upstream.")
    ] = None,
) -> None:
    """Transcribe recordings of any length.

    The text goes to standard output, after the file's name if there are several files. Progress and
    errors go to standard error. If a file cannot be read, the others are still transcribed, and the
    exit status is 1.

    \b
    voicegraft transcribe models/top3 talk.ogg
    voicegraft transcribe models/top3 interviews/ --json > interviews.jsonl
    voicegraft transcribe czech.safetensors --upstream models/upstream talk.ogg
    """
    from voicegraft.inference.transcriber import Transcriber

    with mistakes_reported():
        transcriber = Transcriber(model, device, upstream=upstream)
        whole = list(each_recording(transcriber, files, json_line if as_json else line))
    raise typer.Exit(0 if all(whole) else 1)


def line(recording: str, transcript: "Transcript", several: bool) -> str:
    """Return the text, after the file's name if there are several files."""
    return f"{recording}: {transcript.text}" if several else transcript.text
