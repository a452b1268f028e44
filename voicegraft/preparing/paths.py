"""Files of a corpus: inside its folder, spelt as on the disk; names of splits; texts in Unicode."""

import codecs
import gzip
import os
import re
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from voicegraft.preparing.corpus import CorpusError
from voicegraft.speech.audio import legible
from voicegraft.speech.manifest import BACKGROUND, UNLABELLED

SPLIT_NAMES = {
    **{"train": "train", "training": "train"},
    **{"dev": "dev", "valid": "dev", "val": "dev", "validation": "dev"},
    **{"test": "test", "testing": "test", "unseen": "unseen"},
    **{"unlabelled": UNLABELLED, "unlabeled": UNLABELLED, "background": BACKGROUND},
    **{"": "", "none": "", "unsplit": "", "validated": ""},
}

# With cache.type symlink, `dvc add` replaces files by links to paths of this form.
IN_DVC_CACHE = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{30}$")

MAX_TEXT_BYTES = 100_000_000
"""Annotations of an hour take about 1 MB: a larger file is none, and is not read into memory."""


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether `path` is in `folder`, after links are resolved."""
    real = os.path.realpath(path)
    return bool(Path(real).is_relative_to(os.path.realpath(folder)) or IN_DVC_CACHE.search(real))


def check_inside(path: Path, folder: Path, name: str) -> None:
    """Refuse a recording outside `folder`, after links are resolved.

    Raises:
        CorpusError: with `name`, and the remedy.
    """
    if "\0" in name:  # no file can have such a name: the clip is rejected as missing
        return
    if not is_inside(path, folder):
        raise CorpusError(
            f"{legible(name)} is outside corpus.folder ({folder}), where DVC would not see it "
            f"change. Copy it into that folder (cp -l takes no space), or name a corpus.folder "
            f"that contains all recordings"
        )


def name_within(path: Path, folder: Path) -> str:
    """Return the normalised path within the folder, as an id."""
    return legible(os.path.relpath(os.path.normpath(path), os.path.normpath(folder)))


def spelt(folder: Path, name: str) -> Path:
    """Return the path of `name` in the Unicode form on disk: macOS decomposes accented letters."""
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return next((folder / n for n in (name, *forms) if os.path.isfile(folder / n)), folder / name)


def files(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files in `folder`, at any depth, with one of the suffixes; hidden ones are not.

    Raises:
        CorpusError: if there is none, or one is a link out of the folder.
    """
    inside = (path for path in folder.rglob("[!.]*") if path.suffix.lower() in suffixes)
    found = sorted(path for path in inside if path.is_file())
    if not found:
        raise CorpusError(f"corpus.folder: {folder} contains no {' or '.join(suffixes)} file")
    for path in found:
        check_inside(path, folder, str(path))
    return found


def read_bytes(path: Path) -> bytes:
    """Return a file of annotations.

    Raises:
        CorpusError: if it is too large to be one.
    """
    if path.stat().st_size > MAX_TEXT_BYTES:
        size = MAX_TEXT_BYTES // 1_000_000
        raise CorpusError(f"{legible(path)} has over {size} MB, so it is no annotation")
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Return a text file in UTF-8, or in UTF-16 with a byte order mark, as Praat writes it.

    Raises:
        CorpusError: naming the line that is in another encoding; or if the file is too large.
    """
    content = read_bytes(path)
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\0\n" if content[:1] == b"\xfe" else b"\n", 0, error.start) + 1
        encoding = "UTF-16" if wide else "UTF-8"
        raise CorpusError(
            f"{legible(path)}, line {line}: it is not {encoding}; `iconv -f … -t UTF-8` turns it"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise CorpusError(f"{legible(path)}, line {line}: it holds a zero byte, so it is no text")
    return text


MAX_LINE_BYTES = 1_000_000


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield where each line of a table in UTF-8 is, as "FILE, line 1", and the line.

    Raises:
        CorpusError: naming the line that is in another encoding, or longer than any sentence.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield from _lines(file, legible(path))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(f"{legible(path)} is no whole gzip file: {error}") from None


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), 1):
        where = f"{name}, line {number}"
        if len(line) == MAX_LINE_BYTES or b"\0" in line:
            raise CorpusError(f"{where}: it is too long for a line, or no text")
        try:
            yield where, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            why = "it is not UTF-8; `iconv -f … -t UTF-8` turns it"
            raise CorpusError(f"{where}: {why}") from None
