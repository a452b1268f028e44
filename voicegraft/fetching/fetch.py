"""Fetch a file by its hash, from the first mirror that has it.

A file is identified by its SHA-256, so any mirror may serve it. If a mirror is down or serves other
bytes, the next one is tried. If the publisher gives no hash, later downloads must match the first
one.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from voicegraft.fetching.downloads import FULL, one_at_a_time
from voicegraft.fetching.mirrors import Mirror, first_line
from voicegraft.pipeline.files import sha256_of, whole


class FetchError(RuntimeError):
    """No mirror delivered a file with the right hash."""


class WrongBytesError(FetchError):
    """A mirror delivered bytes with another hash."""


@dataclass(frozen=True)
class RemoteFile:
    """A file with its hash and its mirrors, the best first."""

    name: str
    sha256: str | None
    """None if its publisher gives none: see `fetch`."""
    mirrors: tuple[Mirror, ...]


def fetch(file: RemoteFile, downloads: Path) -> Path:
    """Return a checked copy of `file` in `downloads`, fetched from the first good mirror if needed.

    If its publisher gives no hash, the hash of the first download is stored in `downloads`, in
    `<name>.sha256`, and later downloads must match it.

    Raises:
        FetchError: naming every mirror tried and why it failed.
    """
    if kept := _kept(file, downloads):
        return kept
    try:
        with one_at_a_time(downloads):
            return _kept(file, downloads) or _from_a_mirror(file, downloads)
    except OSError as error:
        raise FetchError(f"{file.name} cannot be kept in {downloads}: {error}") from None


def _kept(file: RemoteFile, downloads: Path) -> Path | None:
    """Return the checked copy if it exists already."""
    sha256 = file.sha256 or _noted(file.name, downloads)
    kept = downloads / str(sha256) / file.name
    return kept if kept.is_file() and sha256_of(kept) == sha256 else None


def _from_a_mirror(file: RemoteFile, downloads: Path) -> Path:
    wanted = file if file.sha256 else replace(file, sha256=_noted(file.name, downloads))
    failures = []
    for mirror in file.mirrors:
        try:
            print(f"fetching {file.name} from {mirror}", file=sys.stderr)
            return _keep(mirror.download(file.name, downloads), wanted, downloads)
        except Exception as error:  # noqa: BLE001 - after any error, the next mirror is tried
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            if isinstance(error, WrongBytesError):
                mirror.forget(downloads)
            failures.append(f"  {mirror}: {first_line(error)}")
    promise = f" with SHA-256 {wanted.sha256}" if wanted.sha256 else ""
    if wanted != file:
        promise += f", as {_note(file.name, downloads)} has it from the first download"
    raise FetchError(f"no mirror delivered {file.name}{promise}:\n" + "\n".join(failures))


def verify(path: Path, sha256: str) -> None:
    """Raise FetchError unless the bytes at `path` have this hash."""
    if (got := sha256_of(path)) != sha256:
        raise FetchError(f"{path}: SHA-256 is {got}, expected {sha256}")


def _keep(path: Path, file: RemoteFile, downloads: Path) -> Path:
    """Move a download to the folder of its hash; store that hash if none was published."""
    got = sha256_of(path)
    if file.sha256 not in (None, got):
        path.unlink()
        raise WrongBytesError(f"{path}, now deleted: SHA-256 is {got}, expected {file.sha256}")
    kept = downloads / got / file.name
    kept.parent.mkdir(exist_ok=True)
    os.replace(path, kept)
    if file.sha256 is None:
        with whole(_note(file.name, downloads)) as partial:
            partial.write_text(f"{got}  {file.name}\n")  # as sha256sum writes it
    return kept


def _note(name: str, downloads: Path) -> Path:
    return downloads / f"{name}.sha256"


def _noted(name: str, downloads: Path) -> str | None:
    """Return the stored hash of the first download; None if there is none, or it is damaged."""
    note = _note(name, downloads)
    found = re.match("[0-9a-f]{64}(?= )", note.read_text()) if note.is_file() else None
    return found and found[0]


def copy_atomically(sources: Iterable[Path], folder: Path) -> None:
    """Copy files into `folder`, each atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        with whole(folder / source.name) as partial:
            shutil.copyfile(source, partial)
