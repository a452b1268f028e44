"""`voicegraft listen`: a page on this machine, to correct a corpus by ear and to record."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from tqdm import tqdm

from voicegraft.cli.recordings import mistakes_reported
from voicegraft.speech.audio import legible

if TYPE_CHECKING:
    from voicegraft.inference.transcriber import Transcriber, Transcript

KEPT = Path(".voicegraft/listening")
LAST_SECONDS = 0.5


def listen(
    source: Annotated[
        Path,
        typer.Argument(help="A folder with metadata.csv, or a long recording in such a folder."),
    ] = Path("data/own"),
    model: Annotated[
        Path | None, typer.Option(help="Show what this model writes, such as models/top3_lm.")
    ] = None,
    order: Annotated[
        Literal["worst", "uncertain", "given"],
        typer.Option(help="What comes first; without a model, the order is as given."),
    ] = "worst",
    prompts: Annotated[
        Path | None, typer.Option(help="Sentences to be read aloud, a line each.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
) -> None:
    """Correct a corpus by ear, on a page that this machine alone can open.

    It plays clips and shows the text beside what the model writes. Correct, reject, name the
    speaker, or record sentences; `?` on the page lists the keys. Each save is in metadata.csv at
    once, so that the next `dvc repro` learns from it, and in corrections.jsonl beside it.

    A long recording is transcribed by the model into segments first, which become lines of the
    metadata.csv of its folder. The page exports it in the formats of `voicegraft transcribe`.

    Nothing leaves this machine. Open the address that is printed; Ctrl-C ends the server.

    \b
    voicegraft listen data/own --model models/top3_lm
    voicegraft listen tapes/talk.ogg --model models/top3_lm
    voicegraft listen data/own --prompts sentences.txt
    """
    with mistakes_reported():
        try:
            from voicegraft.listening.server import Server
        except ModuleNotFoundError as error:
            raise RuntimeError(
                f"{error.name} is not installed: pip install 'voicegraft[listen]'"
            ) from None
        from voicegraft.listening.segmented import open_desk
        from voicegraft.listening.session import Session, of_project, read_prompts
        from voicegraft.listening.writings import Writings, kept_in

        if model:
            from voicegraft.model.saved import load_description

            load_description(model)  # a mistake is said at once
        written = _Model(model, device) if model else None
        desk = open_desk(source, written and written.transcript)
        writings = Writings(kept_in(KEPT, model) if model else None)
        sentences = read_prompts(prompts) if prompts else []
        session = Session(desk, writings, order, sentences, **of_project(desk.folder))
        server = Server(session, port)
        if written:
            writings.start(desk.clips(), desk.folder, written.transcriber)
        typer.echo(f"{server.address}\nOpen this address in a browser; Ctrl-C ends.")
        server.run()
    writings.stop(LAST_SECONDS)
    # All that was saved is on the disk. Python would tidy up torch for a second or two, and wait
    # for a clip that a thread is in the midst of.
    sys.stdout.flush()
    os._exit(0)


class _Model:
    """A model that is loaded once it is needed."""

    def __init__(self, folder: Path, device: str):
        self.folder, self.device = folder, device

    @cache  # noqa: B019 - there is one, for as long as the command runs
    def transcriber(self) -> "Transcriber":
        from voicegraft.inference.transcriber import Transcriber

        return Transcriber(self.folder, self.device)

    def transcript(self, recording: Path) -> "Transcript":
        with tqdm(
            desc=legible(recording.name), unit="s of audio", leave=False, disable=None
        ) as bar:
            return self.transcriber()(recording, progress=lambda s: bar.update(round(s)))
