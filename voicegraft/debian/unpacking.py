"""Take the files wanted out of a Debian package."""

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
from voicegraft.downloads import MOST_BYTES, one_at_a_time, sha256_of

DAMAGE = (ArError, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


def unpack(deb: Path, downloads: Path, pattern: str, most_bytes: int = MOST_BYTES) -> Path:
    """Return a folder, named after the package and its content, with the files `pattern` fits.

    Links, devices and owners are left out and names cannot climb, so nothing lands elsewhere.
    The folder bears its name only once whole; where it is already, nothing is done. A damaged
    package that was fetched is deleted, so that the next run fetches it anew.

    Raises:
        PackageError: `deb` is damaged, hostile, of more than `most_bytes`, or holds no such file.
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
