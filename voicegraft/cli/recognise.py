"""`voicegraft transcribe` and `voicegraft classify`: transcripts or classes of recordings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voicegraft.cli.recordings import complain, each_recording, json_line, mistakes_reported
from voicegraft.cli.transcripts import printed, saved, without_a_file
from voicegraft.inference.recordings import find_recordings, targets
from voicegraft.speech.audio import legible

if TYPE_CHECKING:
    from voicegraft.inference.classifier import Classified

FormatName = Literal["text", "json", "jsonl", "tsv", "srt", "vtt", "textgrid", "eaf"]


def transcribe(
    model: Annotated[
        Path,
        typer.Argument(help="Folder of a trained model, such as models/top3_lm; or an adapter."),
    ],
    files: Annotated[
        list[str], typer.Argument(help="Recordings, or folders of them, in any format and rate.")
    ],
    form: Annotated[
        FormatName,
        typer.Option(
            "--format",
            help="tsv: labels of Audacity. srt, vtt: subtitles. textgrid: Praat. eaf: ELAN. json, "
            "jsonl: with the times and confidences of words.",
        ),
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(help="A folder, in which each recording gets a file.")
    ] = None,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="Leave the model's language model aside.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    upstream: Annotated[
        Path | None, typer.Option(help="The upstream of an adapter, such as models/upstream.")
    ] = None,
) -> None:
    """Transcribe recordings of any length.

    The text goes to standard output, after the file's name if there are several files. Progress and
    errors go to standard error. If a file cannot be read, the others are still transcribed, and the
    exit status is 1. With --out, a recording whose file is there is left out, so that a run that
    was stopped goes on.

    \b
    voicegraft transcribe models/top3_lm talk.ogg
    voicegraft transcribe models/top3_lm talk.ogg --format srt > talk.srt
    voicegraft transcribe models/top3_lm interviews/ --format eaf --out transcripts/
    voicegraft transcribe czech.safetensors --upstream models/upstream talk.ogg
    """
    from voicegraft.inference.formats import FORMATS
    from voicegraft.inference.transcriber import Transcriber

    with mistakes_reported():
        if out:
            places = targets(files, out, FORMATS[form].suffix)
            recordings, shown = without_a_file(places), saved(form, places)
        else:
            recordings, shown = list(find_recordings(files)), printed(form)
            if len(recordings) > 1 and form not in ("text", "jsonl"):
                raise ValueError(f"--format {form} of several recordings needs a folder: --out")
        transcriber = Transcriber(model, device, upstream=upstream, greedy=greedy)
        complete = list(each_recording(transcriber, recordings, shown))
    raise typer.Exit(0 if all(complete) else 1)


def classify(
    model: Annotated[
        Path, typer.Argument(help="Folder of a trained classifier, such as words/models/head.")
    ],
    files: Annotated[
        list[str], typer.Argument(help="Recordings, or folders of them, in any format and rate.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
    window: Annotated[
        float, typer.Option(help="Seconds of a long recording that are classified at once.")
    ] = 1.0,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="The lowest probability of a hit.")
    ] = 0.5,
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="Recordings of the speaker, or a folder, for a model trained with head.normalise: "
            "speaker. At least ten clips; no labels are needed."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
) -> None:
    """Print the class of recordings, with its probability.

    A recording of up to five seconds is one clip. It gives a line with the classes and their
    probabilities, the most probable first. In a longer recording, a window moves by half its
    length. It gives a line for each stretch in which one class is found, with its times; silence is
    skipped. A model that was not trained with an unknown class finds one of its classes in any
    sound.

    \b
    voicegraft classify words/models/head yes.ogg
    voicegraft classify words/models/head evening.ogg --threshold 0.9
    voicegraft classify words/models/head clips/ --json > clips.jsonl
    voicegraft classify words/models/head new.ogg --voice others_of_ann/
    """
    from voicegraft.inference.classifier import Classifier

    with mistakes_reported():
        classifier = Classifier(model, device, window, threshold, voice or [])
        if classifier.lacks_voice:
            complain("no recordings of the speaker (--voice): normalised as the speakers of train")
        recordings, shown = list(find_recordings(files)), json_line if as_json else lines
        complete = list(each_recording(classifier, recordings, shown))
    raise typer.Exit(0 if all(complete) else 1)


def lines(recording: Path, found: "Classified", several: bool) -> str:
    """Return a line for a clip, or one for each hit."""
    name = f"{legible(recording)}: " if several else ""
    if not found.hits and not found.probabilities:
        return f"{name}no class found"
    likely = ", ".join(f"{label} {p:.3f}" for label, p in found.probabilities.items())
    hits = [
        f"{hit.start_seconds:.2f} to {hit.end_seconds:.2f} s: {hit.label} {hit.probability:.3f}"
        for hit in found.hits
    ]
    return "\n".join(f"{name}{what}" for what in hits or [likely])
