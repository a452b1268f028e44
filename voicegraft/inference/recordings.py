"""Find recordings in a list of files and folders, and read truncated ones up to the damage."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from voicegraft.speech.audio import AudioError

READABLE = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"}
SUFFIXES = READABLE | {
    *(".aif", ".mp2", ".oga", ".opus"),
    # Not readable, but common for speech: an error for each is better than skipping it.
    *(".3gp", ".aac", ".amr", ".m4a", ".mka", ".mp4", ".webm", ".wma"),
}


def find_recordings(names: Iterable[str]) -> Iterator[Path]:
    """Yield the given files, and the audio files of each folder at any depth, sorted.

    A given file may have any name. In a folder the suffix decides, and hidden files are skipped.

    Raises:
        ValueError: if a folder has no audio file, or a name is empty.
    """
    for name in names:
        if (
            not name
        ):  # from an unset variable of the shell; as a path it would be the working directory
            raise ValueError("the name of a recording is empty")
        path = Path(name)
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.rglob("*") if _is_audio(p))
        if not inside:
            raise ValueError(f"{path} has no audio file, such as .wav, .ogg, .flac or .mp3")
        yield from inside


def targets(names: Iterable[str], folder: Path, suffix: str) -> dict[Path, Path]:
    """Return a file in `folder` for each recording: a folder's recordings keep their places.

    Raises:
        ValueError: if two recordings have the same file, or as `find_recordings`.
    """
    taken: dict[Path, Path] = {}
    for name in names:
        for recording in find_recordings([name]):
            own = recording.relative_to(name) if recording != Path(name) else Path(recording.name)
            file = folder / own.with_suffix(suffix)
            if (other := taken.setdefault(file, recording)) is not recording:
                raise ValueError(f"{other} and {recording} would both be written to {file}")
    return {recording: file for file, recording in taken.items()}


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


class UntilDamage:
    """Yield the blocks of a recording up to a truncation, and keep the reason."""

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
