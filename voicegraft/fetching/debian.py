"""Debian packages as a source of data: fetched without root, read without installation."""

import lzma
import os
import shutil
import string
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from debian.arfile import ArError
from debian.debfile import DebFile

from voicegraft.fetching.downloads import FULL, MOST_BYTES, download, one_at_a_time
from voicegraft.pipeline.files import sha256_of


class PackageError(ValueError):
    """A package cannot be fetched, or is damaged."""


@dataclass(frozen=True)
class Package:
    """A package for all architectures, with the version that is known to work."""

    name: str
    version: str
    sha256: str
    source: str = ""
    """The source package, which names its folder on mirrors; "": that has the same name."""

    @property
    def file_name(self) -> str:
        """The name of the file on Debian's mirrors."""
        return f"{self.name}_{self.version}_all.deb"

    def url(self, mirror: str) -> str:
        """Return the file's URL on a Debian mirror."""
        return f"{mirror.rstrip('/')}/{self.folder}/{self.file_name}"

    @property
    def folder(self) -> str:
        """The folder of the file on Debian's mirrors."""
        source = self.source or self.name
        return f"pool/main/{source[0]}/{source}"


def find_package(package: Package, folder: Path, downloads: Path, mirror: str) -> Path:
    """Return the .deb: the user's own, one fetched before, or a new download.

    Raises:
        PackageError: if it cannot be fetched; the message says what the user can do.
    """
    if found := _own(package, folder) or _fetched_before(package, downloads):
        return found
    try:
        with one_at_a_time(downloads):
            return _fetched_before(package, downloads) or _fetch(package, folder, downloads, mirror)
    except OSError as error:
        name = package.file_name
        raise PackageError(f"{name} cannot be kept in {downloads}: {error}") from None


def _own(package: Package, folder: Path) -> Path | None:
    return max(folder.glob(f"{package.name}_*.deb"), default=None)


def _fetched_before(package: Package, downloads: Path) -> Path | None:
    """Return the package from `downloads`; the version listed here must match its hash."""
    found = _own(package, downloads)
    if found and found.name == package.file_name and sha256_of(found) != package.sha256:
        found.unlink(missing_ok=True)
        return _own(package, downloads)
    return found


def _fetch(package: Package, folder: Path, downloads: Path, mirror: str) -> Path:
    if mirror:
        return _from_mirror(package, downloads, mirror)
    if shutil.which("apt-get"):
        return _from_apt(package, downloads)
    raise PackageError(
        f"{package.file_name} is not in {folder}, and there is no apt-get here to fetch it. "
        f"Put the file into that folder, or set corpus.mirror to a Debian mirror (a URL whose "
        f"{package.folder}/ holds it)."
    )


def _from_mirror(package: Package, downloads: Path, mirror: str) -> Path:
    """Fetch it by any protocol of the user's mirror, as its hash is known."""
    url, target = package.url(mirror), downloads / package.file_name
    partial = target.with_name(target.name + ".part")
    try:
        download(quote(url, safe=string.punctuation), partial)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in FULL:
            raise
        raise PackageError(f"corpus.mirror: {url} cannot be fetched: {error}") from None
    if (digest := sha256_of(partial)) != package.sha256:
        partial.unlink()
        raise PackageError(f"{url}: its SHA-256 is {digest}, not {package.sha256}")
    return partial.replace(target)


def _from_apt(package: Package, downloads: Path) -> Path:
    """Let apt fetch and verify it, without root: its lists and cache are in `downloads`."""
    lists, cache, arrivals = (downloads / "apt" / name for name in ("lists", "cache", "arrivals"))
    for folder in (lists / "partial", cache / "archives" / "partial", arrivals):
        folder.mkdir(parents=True, exist_ok=True)
    ours = f"Dir::State::Lists={lists.resolve()}", f"Dir::Cache={cache.resolve()}"
    apt = ["apt-get", "-q", "-o", ours[0], "-o", ours[1]]
    run = partial(
        subprocess.run,
        cwd=arrivals,
        env=os.environ | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    result = run([*apt, "download", package.name])
    if result.returncode:  # there are no lists yet, or they are old
        run([*apt, "update"])
        result = run([*apt, "download", package.name])
    found = sorted(arrivals.glob(f"{package.name}_*.deb"))
    if result.returncode or not found:
        raise PackageError(
            f"apt-get could not fetch {package.name}: {result.stdout.strip()[-500:]}\n"
            f"Put {package.file_name} into corpus.folder, or set corpus.mirror to a Debian mirror."
        )
    return found[-1].replace(downloads / found[-1].name)


DAMAGE = (ArError, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


def unpack(deb: Path, downloads: Path, pattern: str, most_bytes: int = MOST_BYTES) -> Path:
    """Return a folder, named by the package and its content, with the files that match `pattern`.

    Links, devices, owners and paths out of the folder are ignored. The folder gets its name when it
    is complete; an existing one is returned as it is. A damaged package in `downloads` is deleted,
    so that the next run fetches it again.

    Raises:
        PackageError: if `deb` is damaged, hostile, larger than `most_bytes`, or has no such file.
    """
    target = downloads / f"{deb.stem}-{sha256_of(deb)[:12]}"
    if target.exists():
        return target
    partial = target.with_name(target.name + ".part")
    with one_at_a_time(downloads):
        if target.exists():
            return target
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _unpack(deb, partial, pattern, most_bytes)
            return partial.replace(target)
        except DAMAGE as error:
            if deb.parent == downloads and getattr(error, "errno", None) is None:
                deb.unlink()
            raise PackageError(f"{deb} cannot be unpacked: {error}") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _unpack(deb: Path, folder: Path, pattern: str, most_bytes: int) -> None:
    left = most_bytes
    with _data_of(deb) as archive:
        for member in archive:
            if not (member.isfile() and fnmatch(member.name, pattern)):
                continue
            left -= member.size
            if left < 0:
                raise PackageError(f"{deb} would unpack to more than {most_bytes:,} bytes")
            _write_member(archive, member, folder)
    if not folder.exists():
        raise PackageError(f"{deb} holds no {pattern}")


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise PackageError(f"{member.name} would be written outside its folder")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(archive.extractfile(member), file)


@contextmanager
def _data_of(deb: Path) -> Iterator[tarfile.TarFile]:
    """Open the files of a package; dpkg-deb, if installed, knows every compression (zstd too)."""
    if not shutil.which("dpkg-deb"):
        with DebFile(filename=str(deb)) as package:
            yield package.data.tgz()
        return
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            yield archive
        process.stdout.read()  # the padding after the last file
        if process.wait():
            raise ArError(process.stderr.read().decode(errors="replace").strip())
