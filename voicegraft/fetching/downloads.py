"""Files from the web, and a folder for them that several processes may fill.

A download continues where it was cut off, follows no redirection away from https, and stops at a
size above that of all files needed here, as a server may send without end.
"""

import errno
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from filelock import FileLock, Timeout
from tqdm import tqdm

CHUNK_BYTES = 1 << 20
MOST_BYTES = 20 * 10**9
"""The largest weights that an upstream here can read have 4 GB."""
THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors of the disk, which no other mirror can help with."""


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process fetches into `folder`, which is created if it is missing.

    The lock is the operating system's, so a killed process holds none.

    Raises:
        OSError: if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for another process that fetches into {folder}", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def refuse_plain(url: str) -> None:
    """Raise OSError unless the URL is https or on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in THIS_MACHINE:
        raise OSError(f"{url} is not https")


class HttpsRedirections(HTTPRedirectHandler):
    """Follow redirections, but none away from https."""

    def redirect_request(self, request, answer, code, reason, headers, url):
        """See `HTTPRedirectHandler`."""
        refuse_plain(url)
        return super().redirect_request(request, answer, code, reason, headers, url)


def download(url: str, partial: Path, most_bytes: int = MOST_BYTES) -> None:
    """Download `url` to `partial`, after the bytes of an earlier attempt.

    Raises:
        OSError: if the server cannot be reached, closes before the end, redirects away from https,
            or sends more than `most_bytes` or than fits on the disk.
    """
    begun = partial.stat().st_size if partial.exists() else 0
    wanted = {"Range": f"bytes={begun}-"} if begun else {}
    opener = build_opener(HttpsRedirections)
    try:
        with opener.open(Request(url, headers=wanted), timeout=60) as answer:
            _write(answer, partial, begun, most_bytes)
    except HTTPError as error:
        if not (begun and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            raise
        partial.unlink()  # the bytes of the earlier attempt are not a prefix of the file
        download(url, partial, most_bytes)
    except HTTPException as error:
        raise OSError(f"cut off before the end ({error!r}); run again to go on") from None


def _write(answer: HTTPResponse, partial: Path, begun: int, most_bytes: int) -> None:
    """Append the answer to the earlier bytes, or start again if the server sends the whole file."""
    goes_on = answer.status == HTTPStatus.PARTIAL_CONTENT
    written = begun if goes_on else 0
    left = int(answer.headers.get("Content-Length") or 0)
    total = written + left
    _check_room(total, left, partial.parent, most_bytes)
    bar = tqdm(total=total or None, initial=written, unit="B", unit_scale=True)
    with bar, open(partial, "ab" if goes_on else "wb") as file:
        while chunk := answer.read(CHUNK_BYTES):
            written += len(chunk)
            if written > most_bytes:
                partial.unlink()
                raise OSError(f"it is longer than {most_bytes:,} bytes, which no file here is")
            bar.update(file.write(chunk))
    if written < total:  # http.client reports no error if the connection is cut
        raise OSError(f"cut off {total - written} bytes before the end; run again to go on")


def _check_room(total: int, left: int, folder: Path, most_bytes: int) -> None:
    if total > most_bytes:
        raise OSError(f"it has {total:,} bytes: more than {most_bytes:,}, which no file here has")
    if left > (free := shutil.disk_usage(folder).free):
        raise OSError(errno.ENOSPC, f"{left:,} bytes are to come, and there is room for {free:,}")
