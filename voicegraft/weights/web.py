"""Files of plain web servers, and those that torch.hub fetched before."""

import shutil
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import torch
from tqdm import tqdm

CHUNK_BYTES = 1 << 20
THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class WebMirror:
    """A URL: https, since the file's hash may be known from its first download alone."""

    url: str

    def download(self, name: str, folder: Path) -> Path:
        """Fetch the URL; a download that was cut off goes on where it ended.

        Raises:
            OSError: if the server cannot be reached, or closes before the end.
        """
        partial = folder / f"{name}.begun"
        begun = partial.stat().st_size if partial.exists() else 0
        try:
            with self._answer(begun) as answer:
                _write(answer, partial, begun)
        except HTTPError as error:
            if begun and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                partial.unlink()  # what was begun is no beginning of what is served now
                return self.download(name, folder)
            raise
        return partial

    def _answer(self, begun: int) -> HTTPResponse:
        _refuse_plain(self.url)
        wanted = {"Range": f"bytes={begun}-"} if begun else {}
        opener = build_opener(HttpsRedirections)
        return opener.open(Request(self.url, headers=wanted), timeout=60)

    def __str__(self) -> str:
        return self.url


class HttpsRedirections(HTTPRedirectHandler):
    """Follows redirections, but none to where the bytes could be changed on their way."""

    def redirect_request(self, request, answer, code, reason, headers, url):
        """See `HTTPRedirectHandler`."""
        _refuse_plain(url)
        return super().redirect_request(request, answer, code, reason, headers, url)


@dataclass(frozen=True)
class TorchHubCache:
    """The folder where torch.hub keeps what torchaudio, among others, fetched before."""

    def download(self, name: str, folder: Path) -> Path:
        """Copy the file: the user's cache stays as it is."""
        return Path(shutil.copyfile(self._folder() / name, folder / f"{name}.copied"))

    def _folder(self) -> Path:
        return Path(torch.hub.get_dir()) / "checkpoints"

    def __str__(self) -> str:
        return str(self._folder())


def _refuse_plain(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in THIS_MACHINE:
        raise OSError(f"{url} is not https")


def _write(answer: HTTPResponse, partial: Path, begun: int) -> None:
    """Write the answer behind what was begun, or anew if the server does not go on there."""
    goes_on = answer.status == HTTPStatus.PARTIAL_CONTENT
    size = (answer.length or 0) + (begun if goes_on else 0)
    bar = tqdm(total=size, initial=begun if goes_on else 0, unit="B", unit_scale=True)
    with bar, open(partial, "ab" if goes_on else "wb") as file:
        while chunk := answer.read(CHUNK_BYTES):
            bar.update(file.write(chunk))
    if answer.length:  # http.client takes a connection that was cut off for the end
        raise OSError(f"cut off {answer.length} bytes before the end; run again to go on")
