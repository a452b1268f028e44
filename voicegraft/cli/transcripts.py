"""Where `voicegraft transcribe` puts transcripts: standard output, or a file for each recording."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from voicegraft.cli.recordings import complain
from voicegraft.pipeline.files import whole
from voicegraft.speech.audio import legible

if TYPE_CHECKING:
    from voicegraft.inference.transcriber import Transcript

Shown = Callable[[Path, "Transcript", bool], str]


def printed(form: str) -> Shown:
    """Return what is printed of a transcript; text has the name of the file if there are several.

    Args:
        form: a name in `FORMATS`.
    """
    from voicegraft.inference.formats import FORMATS

    def show(recording: Path, found: "Transcript", several: bool) -> str:
        content = FORMATS[form].content(found, recording, Path()).removesuffix("\n")
        return f"{legible(recording)}: {content}" if several and form == "text" else content

    return show


def without_a_file(places: Mapping[Path, Path]) -> list[Path]:
    """Return the recordings whose place is empty, and say how many are done."""
    left = [recording for recording, place in places.items() if not place.exists()]
    if done := len(places) - len(left):
        complain(f"{done} of {len(places)} recordings are transcribed already, and left out")
    return left


def saved(form: str, places: Mapping[Path, Path]) -> Shown:
    """Return what writes a transcript to the place of its recording, and prints the place."""
    from voicegraft.inference.formats import FORMATS

    def save(recording: Path, found: "Transcript", several: bool) -> str:  # noqa: ARG001
        place = places[recording]
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole(place) as partial:
            content = FORMATS[form].content(found, recording, place.parent)
            partial.write_text(content, encoding="utf-8", newline="\n")
        return legible(place)

    return save
