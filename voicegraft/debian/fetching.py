"""Find a Debian package: with the user, among earlier downloads, on a mirror, or through apt."""

import hashlib
import os
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from voicegraft.debian import PackageError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Package:
    """A package that fits every architecture, and the version of it that is known to work."""

    name: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """What Debian calls the file."""
        return f"{self.name}_{self.version}_all.deb"

    def url(self, mirror: str) -> str:
        """Return where a Debian mirror keeps it."""
        return f"{mirror.rstrip('/')}/pool/main/{self.name[0]}/{self.name}/{self.file_name}"


def find_package(package: Package, folder: Path, downloads: Path, mirror: str) -> Path:
    """Return the .deb: the user's own, else one fetched before, else fetched now.

    Raises:
        PackageError: it is nowhere to be had; the message says what the user can do.
    """
    for place in (folder, downloads):
        if found := sorted(place.glob(f"{package.name}_*.deb")):
            return found[-1]
    downloads.mkdir(parents=True, exist_ok=True)
    if mirror:
        return _from_mirror(package, downloads, mirror)
    if shutil.which("apt-get"):
        return _from_apt(package, downloads)
    raise PackageError(
        f"{package.file_name} is not in {folder}, and there is no apt-get here to fetch it. "
        f"Put the file into that folder, or set corpus.mirror to a Debian mirror (a URL whose "
        f"pool/main/{package.name[0]}/{package.name}/ holds it)."
    )


def _from_mirror(package: Package, downloads: Path, mirror: str) -> Path:
    url, target = package.url(mirror), downloads / package.file_name
    partial = target.with_name(target.name + ".part")
    try:
        digest = _download(url, partial)
    except (OSError, ValueError, HTTPException) as error:
        raise PackageError(f"corpus.mirror: {url} cannot be fetched: {error}") from None
    if digest != package.sha256:
        partial.unlink()
        raise PackageError(f"{url}: its SHA-256 is {digest}, not {package.sha256}")
    return partial.replace(target)


def _download(url: str, target: Path) -> str:
    """Write what is at `url` and return its SHA-256."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=60) as answer, open(target, "wb") as file:
        size = int(answer.headers.get("Content-Length") or 0)
        with tqdm(total=size, unit="B", unit_scale=True, desc=target.stem) as bar:
            while chunk := answer.read(CHUNK_BYTES):
                digest.update(chunk)
                bar.update(file.write(chunk))
    return digest.hexdigest()


def _from_apt(package: Package, downloads: Path) -> Path:
    """Let apt fetch and verify it, with lists and cache of our own, so that no root is needed."""
    lists, cache, arrivals = (downloads / "apt" / name for name in ("lists", "cache", "arrivals"))
    for folder in (lists / "partial", cache / "archives" / "partial", arrivals):
        folder.mkdir(parents=True, exist_ok=True)
    ours = f"Dir::State::Lists={lists.resolve()}", f"Dir::Cache={cache.resolve()}"
    apt = ["apt-get", "-q", "-o", ours[0], "-o", ours[1]]
    for command in (["update"], ["download", package.name]):
        result = subprocess.run(
            apt + command,
            cwd=arrivals,
            env=os.environ | {"LC_ALL": "C"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    found = sorted(arrivals.glob(f"{package.name}_*.deb"))
    if result.returncode or not found:
        raise PackageError(
            f"apt-get could not fetch {package.name}: {result.stdout.strip()[-500:]}\n"
            f"Put {package.file_name} into corpus.folder, or set corpus.mirror to a Debian mirror."
        )
    return found[-1].replace(downloads / found[-1].name)
