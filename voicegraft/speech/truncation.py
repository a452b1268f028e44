"""Tell a file that breaks off from one that ends: each container has its own way of saying so."""

import re
from pathlib import Path

import soundfile

# Writers of endless streams promise about two or four gigabytes, and mean "to the end".
OPEN_END_BYTES = 0x7FFF_0000

# libsndfile's log of a header; the length of the whole RIFF or FORM may lie without harm.
PROMISE = re.compile(r"^ *(?!RIFF|FORM)[\w ]+: (\d+) \(should be (\d+)\)", re.MULTILINE)

MAX_OGG_PAGE_BYTES = 65_307
OGG_HEADER_BYTES = 27
MP3_START_BYTES = 8192


def truncation(path: Path, file: soundfile.SoundFile, frames_read: int) -> str:
    """Return what shows that `path` breaks off, or "" where nothing does.

    Args:
        path: where the file is.
        file: the same, open.
        frames_read: how many frames it gave until it gave no more.
    """
    if frames_read < file.frames and _counts_frames(path, file.format):
        return f"{frames_read} of {file.frames} frames are there"
    for promised, held in PROMISE.findall(file.extra_info):
        if int(held) < int(promised) < OPEN_END_BYTES:
            return f"{held} of {promised} bytes are there"
    return _cut_page(path) if file.format == "OGG" else ""


def _counts_frames(path: Path, format_name: str) -> bool:
    """Without a Xing or Info frame the length of an MP3 is an estimate from its first bit rate."""
    if format_name != "MP3":
        return True
    with open(path, "rb") as file:
        start = file.read(MP3_START_BYTES)
    return b"Xing" in start or b"Info" in start


def _cut_page(path: Path) -> str:
    """Look whether the last Ogg page is whole (RFC 3533, section 6)."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_OGG_PAGE_BYTES))
        end = file.read()
    page = end[max(0, end.rfind(b"OggS")) :]
    segments = page[OGG_HEADER_BYTES - 1] if len(page) >= OGG_HEADER_BYTES else 0
    table = page[OGG_HEADER_BYTES : OGG_HEADER_BYTES + segments]
    whole = len(table) == segments > 0 and OGG_HEADER_BYTES + segments + sum(table) <= len(page)
    return "" if whole else "its last page is cut"
