"""Which files a user means by a list of files and folders.

Recordings that break off: what there is of them is used.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from voicegraft.speech.audio import AudioError

READABLE = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"}
SUFFIXES = READABLE | {
    *(".aif", ".mp2", ".oga", ".opus"),
    # Not readable, but speech comes in them: a complaint about each beats passing it over.
    *(".3gp", ".aac", ".amr", ".m4a", ".mka", ".mp4", ".webm", ".wma"),
}


def find_recordings(names: Iterable[str]) -> Iterator[Path]:
    """Yield files as given, and for each folder the audio files at any depth, sorted.

    A file that is named is taken whatever it is called; in a folder the suffix decides, and what
    is hidden is left alone.

    Raises:
        ValueError: if a folder holds no audio file, or a name is empty.
    """
    for name in names:
        if not name:  # an unset variable of the shell: as a path it would be all that is here
            raise ValueError("the name of a recording is empty")
        path = Path(name)
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.rglob("*") if _is_audio(p))
        if not inside:
            raise ValueError(f"{path} holds no audio file, such as .wav, .ogg, .flac or .mp3")
        yield from inside


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


class UntilDamage:
    """Hand on the blocks of a recording up to where it breaks off, and keep the reason."""

    def __init__(self, blocks: Iterable[np.ndarray]):
        self.blocks, self.damage = blocks, ""

    def __iter__(self) -> Iterator[np.ndarray]:
        samples = 0
        try:
            for block in self.blocks:
                samples += len(block)
                yield block
        except AudioError as error:
            if not samples:
                raise
            self.damage = str(error)
