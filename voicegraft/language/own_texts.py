"""The user's own texts and word lists, from a folder: language_model.folder.

*.txt and *.txt.gz are texts, *.jsonl and *.jsonl.gz objects with a text in one field. *.words and
*.tsv are lists: a word a line, with its frequency behind a tab if it is known. All are UTF-8.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from voicegraft.language.texts import TextsError

TEXTS = (".txt", ".txt.gz")
OBJECTS = (".jsonl", ".jsonl.gz")
LISTS = (".words", ".tsv")


def own_texts(folder: Path, field: str) -> Iterator[str]:
    """Yield the lines of all texts of `folder`, and of its folders, in order of path.

    Raises:
        TextsError: naming the file, and the line, that cannot be read.
    """
    for path in _files(folder, TEXTS + OBJECTS):
        for number, line in _lines(path):
            yield line if path.name.endswith(TEXTS) else _text(line, field, f"{path}:{number}")


def own_words(folder: Path) -> Counter[str]:
    """Return the words of all lists of `folder`, and of its folders, with their frequency, or 0.

    Raises:
        TextsError: naming the file, and the line, that cannot be read.
    """
    words: Counter[str] = Counter()
    for path in _files(folder, LISTS):
        for number, line in _lines(path):
            word, _, frequency = line.partition("\t")
            if frequency.strip() and not frequency.strip().isdecimal():
                raise TextsError(
                    f"{path}:{number}: a frequency is a whole number, not {frequency.strip()!r}"
                )
            if word.strip():
                words[word.strip()] += int(frequency.strip() or 0)
    return words


def _files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        raise TextsError(f"language_model.folder: there is no folder {folder}")
    return sorted(p for p in folder.rglob("*") if p.name.endswith(endings) and p.is_file())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, from 1; a byte order mark is left out."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise TextsError(f"{path} is not UTF-8") from None
    except (gzip.BadGzipFile, EOFError) as error:
        raise TextsError(f"{path} cannot be unpacked: {error}") from None


def _text(line: str, field: str, where: str) -> str:
    """Return the text of an object of JSON; a blank line has none."""
    if not line.strip():
        return ""
    try:
        found = json.loads(line)
    except ValueError as error:
        raise TextsError(f"{where}: it is not JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get(field), str):
        names = ", ".join(found) if isinstance(found, dict) else "no object"
        raise TextsError(
            f"{where}: language_model.field is {field!r}, and no text is there; here are: {names}"
        )
    return found[field]
