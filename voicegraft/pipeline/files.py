"""Atomic file writes, JSON, hashes of files, and errors that name the file which is damaged."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any


class DamagedError(ValueError):
    """A file that a stage wrote is no more as it was written."""


NONSENSE = (ValueError, KeyError, TypeError, IndexError, EOFError, OverflowError, RecursionError)
NONSENSE += (csv.Error, TokenError)  # the last is of numpy's headers, which Python itself reads


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise DamagedError, with the file's name, if the block cannot make sense of what is there."""
    try:
        yield
    except DamagedError:
        raise
    except NONSENSE as error:
        why = " ".join(f"{error}".split()) or type(error).__name__
        raise DamagedError(f"{path} is damaged, or of another version: {why}") from None


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path; its file replaces `path` if the block ends without error.

    After a kill, `path` is the old file or the new one; after an error or a stop, the old one. The
    old file is never written to, because DVC may have linked it to its cache.

    Raises:
        OSError: with the file's name, which the system leaves out if the disk is full.
    """
    partial = path.with_name(path.name + ".part")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def whole_apart(path: Path) -> Iterator[Path]:
    """Do as `whole` for a writer with temporary files of its own, in a folder that goes with them.

    safetensors writes into `.tmpXXXXXX` beside the file, which after a kill nobody would remove.
    """
    folder = path.with_name(path.name + ".part")
    _remove(folder)
    folder.mkdir()
    try:
        yield folder / path.name
        os.replace(folder / path.name, path)
    finally:
        _remove(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return what a file of JSON holds.

    Raises:
        DamagedError: if it holds none.
    """
    with reading(path):
        return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` atomically, with sorted keys."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def hashes(path: Path, names: Sequence[str] = ()) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder, by its name there, or of the one file.

    800 MB take 0.6 s where the processor has instructions for SHA, as most have since 2017.

    Args:
        path: a folder, at any depth without what Python compiled; or a file.
        names: of files in the folder, if not all.
    """
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    chosen = [path / name for name in names] if names else files
    by_name = {file.relative_to(path).as_posix(): file for file in sorted(chosen)}
    return {name: sha256_of(file) for name, file in by_name.items() if "__pycache__" not in name}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
