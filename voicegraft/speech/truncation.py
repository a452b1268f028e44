"""Detect truncated audio files, by the rules of each container."""

import re
from pathlib import Path

import soundfile

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
