"""The sound of clips: as WAV for the browser, as a waveform to look at, and what it records."""

import io
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from voicegraft.inference.recordings import UntilDamage
from voicegraft.listening.clips import TableClip, inside
from voicegraft.listening.desk import RECORDED
from voicegraft.pipeline.files import whole
from voicegraft.preparing.paths import check_inside
from voicegraft.speech.audio import AudioError, level_dbfs, read_audio, stream_audio, to_int16
from voicegraft.speech.manifest import SAMPLE_RATE

LONGEST_SECONDS = 300.0
"""Of a clip that is a whole file; what is longer is a recording, to be cut into segments."""
COLUMNS = 600
"""Of a waveform."""
QUIETEST_DBFS = -50.0
SHORTEST_SECONDS = 0.3


def samples_of(clip: TableClip, folder: Path) -> np.ndarray:
    """Return the samples of a clip, int16, shape (samples,), 16 kHz.

    Raises:
        AudioError: if it cannot be decoded, or is longer than LONGEST_SECONDS.
        CorpusError: if its file is outside of the folder.
    """
    path = inside(clip, folder)
    if clip.end is None and not clip.start:
        return to_int16(read_audio(path, LONGEST_SECONDS))
    first = round(clip.start * SAMPLE_RATE)
    last = round(min(clip.end or np.inf, clip.start + LONGEST_SECONDS) * SAMPLE_RATE)
    state = path.stat() if path.is_file() else None
    return _whole(path, state and state.st_mtime_ns)[first:last]


@lru_cache(maxsize=1)
def _whole(path: Path, changed: int | None) -> np.ndarray:  # noqa: ARG001 - a changed file is another
    """Return a long recording up to its damage, if it has any: 115 MB an hour, held for the next.

    A step to and fro between segments would decode it from its start each time.
    """
    return np.concatenate([to_int16(block) for block in UntilDamage(stream_audio(path))])


def as_wav(samples: np.ndarray) -> bytes:
    """Return samples as a file of 16 bits."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def peaks(samples: np.ndarray, columns: int = COLUMNS) -> list[int]:
    """Return the loudest sample of each column, 0 to 100; a quiet clip is not made louder."""
    parts = np.array_split(np.abs(samples.astype(np.int32)), max(1, min(columns, len(samples))))
    return [round(100 * int(part.max(initial=0)) / 32_768) for part in parts]


def keep_recording(folder: Path, content: bytes) -> Path:
    """Write a WAV from the microphone into the folder, at 16 kHz; return its place.

    Raises:
        ValueError: if it is no WAV, or so short or quiet that nobody can have spoken.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("the recording is no WAV file")
    (folder / RECORDED).mkdir(exist_ok=True)
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    place = folder / RECORDED / f"{now}-{secrets.token_hex(2)}.wav"
    check_inside(place, folder, str(place))
    with whole(place) as partial:
        partial.write_bytes(content)
        wave = _spoken(partial)
        partial.write_bytes(as_wav(to_int16(wave)))
    return place


def _spoken(path: Path) -> np.ndarray:
    try:
        wave = read_audio(path, LONGEST_SECONDS)
    except AudioError as error:
        raise ValueError(f"the recording is {error.reason}: {error.detail}") from None
    seconds, level = len(wave) / SAMPLE_RATE, level_dbfs(wave)
    if seconds < SHORTEST_SECONDS:
        raise ValueError(f"the recording is too short: {seconds:.1f} s")
    if level < QUIETEST_DBFS:
        raise ValueError(f"the recording is silent ({level:.0f} dBFS): is it the right microphone?")
    return wave


def blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield samples as float32 in [-1, 1], as a recording is streamed."""
    yield samples.astype(np.float32) / 32_768
