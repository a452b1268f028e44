"""A repository of the Hugging Face hub at a fixed revision.

The hub publishes a hash for each file: SHA-256 for files in LFS, such as weights, and git's own for
the rest. huggingface_hub asks for it before the download, and names the file by it in its cache
(https://huggingface.co/docs/huggingface_hub/guides/manage-cache); the bytes are compared with it
here. HF_ENDPOINT, HF_HUB_CACHE and HF_HUB_OFFLINE are respected: offline, cached files are used.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from voicegraft.fetching.fetch import FetchError
from voicegraft.pipeline.files import sha256_of

MODEL_CARD = "README.md"


@dataclass(frozen=True)
class HubCheckpoint:
    """Pretrained weights in a repository on the hub: `owner/name` at a commit."""

    repository: str
    revision: str
    weights: tuple[str, ...]
    """Possible names of the weights file, the most likely first."""
    beside: tuple[str, ...]
    """Names of further files, copied if they exist."""

    def fetch(self, downloads: Path) -> list[Path]:  # noqa: ARG002 - the hub has its own cache
        """Return checked files, the weights first, and the model card if there is one.

        Raises:
            FetchError: if one cannot be fetched, or differs from the hub's hash.
        """
        found = next(filter(None, map(self._fetched, self.weights)), None)
        if found is None:
            where = "the hub's cache has, with HF_HUB_OFFLINE set," if _offline() else "there is"
            raise FetchError(f"{self}: of {list(self.weights)} {where} none")
        others = map(self._fetched, (*self.beside, MODEL_CARD))
        return [found, *filter(None, others)]

    def own(self, source: Path) -> list[Path]:
        """Raise ValueError with the value of upstream.checkpoint for the user's own file."""
        named = [source / name for name in self.weights] if source.is_dir() else [source]
        choices = [f"{path.name}@{sha256_of(path)}" for path in named if path.is_file()]
        hint = choices[0] if choices else f"{self.weights[0]}@<its SHA-256>"
        raise ValueError(f"upstream.source: to use {source}, set upstream.checkpoint: {hint}")

    @property
    def licence(self) -> str:
        """The licence in the model card, if that has been fetched."""
        from huggingface_hub import metadata_load, try_to_load_from_cache

        card = try_to_load_from_cache(self.repository, MODEL_CARD, revision=self.revision)
        metadata = metadata_load(card) if isinstance(card, str) else None
        return str((metadata or {}).get("license", "not stated"))

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"

    def _fetched(self, name: str) -> Path | None:
        """Return the checked file, or None if there is none of that name."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

        try:
            path = Path(hf_hub_download(self.repository, name, revision=self.revision))
        except RemoteEntryNotFoundError:
            return None
        except LocalEntryNotFoundError as error:
            if _offline():
                return None
            raise FetchError(f"{self}: {name}: {_line(error.__cause__ or error)}") from None
        except Exception as error:  # noqa: BLE001 - whatever the client raises
            raise FetchError(f"{self}: {name}: {_line(error)}") from None
        self._check(path)
        return path

    def _check(self, path: Path) -> None:
        """Delete the file and raise FetchError if its hash differs from the hub's."""
        promised = self._promise(path)
        by_git = len(promised) == 40 and path.name not in self.weights
        got = _git_hash(path) if by_git else sha256_of(path)
        if got != promised:
            path.resolve().unlink()
            raise FetchError(f"{self}: {path.name}: hash is {got}, the hub promised {promised}")

    def _promise(self, path: Path) -> str:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        if path.is_symlink():
            return path.readlink().name
        url = hf_hub_url(self.repository, path.name, revision=self.revision)
        return str(get_hf_file_metadata(url).etag)


def _git_hash(path: Path) -> str:
    """Return what `git hash-object` prints of a file."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _offline() -> bool:
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
