"""Decode audio files of any rate and format to 16 kHz mono float32; nothing else decodes.

A truncated file is found by the rules of its container; errors name files legibly.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voicegraft.speech.manifest import SAMPLE_RATE

BLOCK_SECONDS = 5

# (offset, first bytes, name) of formats that libsndfile does not read.
LOOKALIKES = (
    (4, b"ftyp", "an MP4 or M4A file"),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska file"),
    (0, b"#!AMR", "an AMR file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"<", "a web page or XML"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file it stands for"),
)


class AudioError(ValueError):
    """A file has no usable audio; `reason` is short, to count by."""

    def __init__(self, path: Path, reason: str, detail: str):
        """Take a reason, the same for many files, and the detail of this one."""
        super().__init__(f"{legible(path)}: {reason}: {detail}")
        self.reason, self.detail = reason, detail


def read_audio(path: Path, max_seconds: float = float("inf")) -> np.ndarray:
    """Return the samples, float32 in [-1, 1], shape (samples,), 16 kHz, channels averaged.

    Raises:
        AudioError: if the file is missing, empty, truncated, mislabelled, undecodable, not finite,
            or longer than `max_seconds`.
    """
    blocks, samples = [], 0
    for block in stream_audio(path):
        blocks.append(block)
        samples += len(block)
        if samples > max_seconds * SAMPLE_RATE:
            raise AudioError(path, "too long", f"over {max_seconds:g} s")
    return np.concatenate(blocks)


def stream_audio(path: Path) -> Iterator[np.ndarray]:
    """Yield the samples of `read_audio` in blocks of BLOCK_SECONDS, in constant memory.

    Raises:
        AudioError: as `read_audio`; the blocks before a truncation, or before a sample that is not
            finite, are yielded first.
    """
    with _open(path) as file:
        resampler = soxr.ResampleStream(file.samplerate, SAMPLE_RATE, 1, quality="HQ")
        frames_read = 0
        for frames in _frames(file, path):
            mono = _mono(frames, path, frames_read // file.samplerate)
            frames_read += len(frames)
            yield resampler.resample_chunk(mono)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        if detail := truncation(path, file, frames_read):
            raise AudioError(path, "truncated", detail)
        if frames_read == 0:
            raise AudioError(path, "empty", "its length is zero")


def level_dbfs(wave: np.ndarray) -> float:
    """Return the root mean square of `wave` in decibels; a full-scale square wave has 0."""
    power = float(np.mean(np.square(wave, dtype=np.float64))) if len(wave) else 0.0
    return 10 * np.log10(power) if power > 0 else -np.inf


def to_int16(wave: np.ndarray) -> np.ndarray:
    """Return `wave` as 16-bit samples, clipped where resampling overshot."""
    return np.clip(np.rint(wave * 32_768), -32_768, 32_767).astype(np.int16)


def _open(path: Path) -> soundfile.SoundFile:
    if not os.path.isfile(path):  # Path.is_file raises for a name that no file can have
        raise AudioError(path, "missing", "there is no such file")
    if path.stat().st_size == 0:
        raise AudioError(path, "empty", "the file has no bytes")
    try:
        return soundfile.SoundFile(os.fsencode(path))  # a string must be UTF-8
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: raw samples, .raw
        if name := _lookalike(path):
            raise AudioError(path, "mislabelled", f"it is {name}") from None
        raise AudioError(path, "undecodable", _message(error)) from None


def _lookalike(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(64)
    return next((name for at, magic, name in LOOKALIKES if start[at:].startswith(magic)), "")


def _message(error: Exception) -> str:
    return getattr(error, "error_string", str(error)) or "the decoder gave up"


def _frames(file: soundfile.SoundFile, path: Path) -> Iterator[np.ndarray]:
    """Yield float32 blocks of shape (frames, channels)."""
    while True:
        try:
            frames = file.read(BLOCK_SECONDS * file.samplerate, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(path, "truncated", _message(error)) from None
        if not len(frames):
            return
        yield frames


def _mono(frames: np.ndarray, path: Path, start_seconds: int) -> np.ndarray:
    """Return the mean of the channels, shape (frames,).

    Raises:
        AudioError: if a sample is NaN or infinite, or the mean overflows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mono = frames.mean(axis=1)
    if not np.isfinite(mono).all():
        where = f"between {start_seconds} s and {start_seconds + BLOCK_SECONDS} s"
        raise AudioError(path, "not finite", f"a sample {where} is NaN or infinite")
    return mono


# Writers of endless streams state about two or four gigabytes, which means "to the end".
OPEN_END_BYTES = 0x7FFF_0000

# Lines of libsndfile's header log; a wrong length of the whole RIFF or FORM does no harm.
PROMISE = re.compile(r"^ *(?!RIFF|FORM)[\w ]+: (\d+) \(should be (\d+)\)", re.MULTILINE)

MAX_OGG_PAGE_BYTES = 65_307
OGG_HEADER_BYTES = 27
MP3_START_BYTES = 8192


def truncation(path: Path, file: soundfile.SoundFile, frames_read: int) -> str:
    """Return the evidence that `path` is truncated, or "" if there is none.

    Args:
        path: of the file.
        file: the same file, open.
        frames_read: the number of frames that could be read.
    """
    if frames_read < file.frames and _counts_frames(path, file.format):
        return f"{frames_read} of {file.frames} frames are there"
    for promised, held in PROMISE.findall(file.extra_info):
        if int(held) < int(promised) < OPEN_END_BYTES:
            return f"{held} of {promised} bytes are there"
    return _cut_page(path) if file.format == "OGG" else ""


def _counts_frames(path: Path, format_name: str) -> bool:
    """Return whether the header's length is exact: not for an MP3 without a Xing or Info frame."""
    if format_name != "MP3":
        return True
    with open(path, "rb") as file:
        start = file.read(MP3_START_BYTES)
    return b"Xing" in start or b"Info" in start


def _cut_page(path: Path) -> str:
    """Return the evidence that the last Ogg page is incomplete (RFC 3533, section 6), or ""."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_OGG_PAGE_BYTES))
        end = file.read()
    page = end[max(0, end.rfind(b"OggS")) :]
    segments = page[OGG_HEADER_BYTES - 1] if len(page) >= OGG_HEADER_BYTES else 0
    table = page[OGG_HEADER_BYTES : OGG_HEADER_BYTES + segments]
    whole = len(table) == segments > 0 and OGG_HEADER_BYTES + segments + sum(table) <= len(page)
    return "" if whole else "its last page is cut"


def legible(path: Path | str) -> str:
    r"""Return a file's name; a byte of it that is not UTF-8 is written as in `caf\xe9.wav`.

    Linux takes any bytes for a name; Python keeps those that are not UTF-8 as surrogates, which
    cannot be encoded (https://peps.python.org/pep-0383/).
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
