"""Take the files wanted out of a Debian package."""

import hashlib
import lzma
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from debian.arfile import ArError
from debian.debfile import DebFile

from voicegraft.debian import PackageError

DAMAGE = (ArError, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


def unpack(deb: Path, downloads: Path, pattern: str) -> Path:
    """Return a folder, named after the package and its content, with the files `pattern` fits.

    Links, devices and owners are left out and names cannot climb, so nothing lands elsewhere.
    The folder bears its name only once whole; where it is already, nothing is done.

    Raises:
        PackageError: `deb` is damaged, hostile, or holds no such file.
    """
    with open(deb, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = downloads / f"{deb.stem}-{digest[:12]}"
    if target.exists():
        return target
    partial = target.with_name(target.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with _data_of(deb) as archive:
            for member in archive:
                if member.isfile() and fnmatch(member.name, pattern):
                    _write_member(archive, member, partial)
    except DAMAGE as error:
        raise PackageError(f"{deb} cannot be unpacked: {error}") from None
    if not partial.exists():
        raise PackageError(f"{deb} holds no {pattern}")
    return partial.replace(target)


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise PackageError(f"{member.name} would land outside its folder")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(archive.extractfile(member), file)


@contextmanager
def _data_of(deb: Path) -> Iterator[tarfile.TarFile]:
    """Open the files of a package; dpkg-deb, where it is, knows every compression (zstd too)."""
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
