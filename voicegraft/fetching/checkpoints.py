"""Pretrained weights by name: from a list with hashes, from the hub at a revision, or your own.

base                                    listed by the upstream
WAV2VEC2_BASE@<64 hex digits>           listed without a hash; you give the one you have
openai/whisper-small@<40 hex digits>    a repository of the hub, at a commit
model.safetensors@<64 hex digits>       a file of upstream.source, by its SHA-256
model.safetensors@<64>+<64 hex digits>  the same with other files beside it: their `listing_hash`

DVC does not watch upstream.source, so each of its files needs a hash: a changed file is an error,
not another model under the same name.

The table of an upstream is the file of its name in voicegraft/checkpoints, with

    CHECKPOINTS: dict[str, Checkpoint]      checkpoints by name
    LAYOUT: Layout                          only if other checkpoints are allowed
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from voicegraft.fetching.fetch import FetchError, RemoteFile, fetch, verify
from voicegraft.fetching.hub import HubCheckpoint
from voicegraft.pipeline import plugins
from voicegraft.pipeline.files import sha256_of

UNLISTED = "a repository of the hub as owner/name@revision, or a file of upstream.source as \
name@SHA-256"


@dataclass(frozen=True)
class Layout:
    """Names of the files that an upstream reads from a checkpoint without a list."""

    weights: tuple[str, ...]
    """One of these must exist; the most likely comes first."""
    beside: tuple[str, ...]
    """Copied if they exist."""


@dataclass(frozen=True)
class Checkpoint:
    """Pretrained weights from a list; the first file holds the weights."""

    files: tuple[RemoteFile, ...]
    licence: str
    beside: tuple[str, ...] = ()
    """Names of further files that are copied from the user's folder."""
    listing: str = ""
    """The `listing_hash` of those further files; "" if there are none."""

    def fetch(self, downloads: Path) -> list[Path]:
        """Return checked copies of the files, from `downloads` or the first good mirror.

        Raises:
            FetchError: if no mirror has one of them.
        """
        if not self.files[0].mirrors:
            raise FetchError(f"upstream.source must say where your {self.files[0].name} is")
        return [fetch(file, downloads) for file in self.files]

    def own(self, source: Path) -> list[Path]:
        """Return the checked files of `source`, a folder or the weights file.

        Raises:
            FetchError: if the weights are missing, or a file differs from the checkpoint's.
        """
        weights, *others = self.files
        folder = source if source.is_dir() else source.parent
        path = folder / weights.name if source.is_dir() else source
        if not path.is_file():
            raise FetchError(f"upstream.source: there is no file {path}")
        known = [(folder / file.name, file) for file in others if (folder / file.name).is_file()]
        for there, file in [(path, weights), *known]:
            _check(there, file)
        along = [folder / name for name in self.beside if (folder / name).is_file()]
        if (got := listing_hash(along)) != self.listing:
            raise FetchError(
                f"upstream.source: beside {weights.name} in {folder} are {_names(along)}, which "
                f"do not match the hash in upstream.checkpoint. If they are yours, set "
                f"upstream.checkpoint: {weights.name}@{weights.sha256}{got and '+'}{got}"
            )
        return [path, *(there for there, _ in known), *along]


def listing_hash(paths: Iterable[Path]) -> str:
    """Return the hash that `sha256sum a b | sha256sum` prints of the files; "" for no files."""
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


def _check(path: Path, file: RemoteFile) -> None:
    if file.sha256 is None:
        raise FetchError(
            f"upstream.source: no hash of {file.name} is published: write that of yours behind the "
            f"name of upstream.checkpoint, as @{sha256_of(path)}"
        )
    verify(path, file.sha256)


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(path.name for path in paths) or "no other files"


def listed(name: str, checkpoints: Mapping[str, Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint of that name, with the hash that `name` may add.

    Raises:
        ValueError: if that is no hash, or differs from the published one.
    """
    what, at, pin = name.partition("@")
    found = checkpoints.get(what)
    if not found or not at:
        return found
    weights, *others = found.files
    how = f"`sha256sum {weights.name}` prints it"
    sha256 = _hex(name, what, pin, 64, how)
    if weights.sha256 not in (None, sha256):
        raise ValueError(f"upstream.checkpoint: the hash of {what} is {weights.sha256}, not {pin}")
    return replace(found, files=(replace(weights, sha256=sha256), *others))


def fetchable(name: str, checkpoint: str) -> Checkpoint | HubCheckpoint:
    """Return the checkpoint of that upstream: from its list, or in its layout.

    Raises:
        ValueError: naming the checkpoints of the upstream, or the upstreams that have weights.
    """
    if name not in (tables := plugins.names("checkpoints")):
        raise ValueError(
            f"upstream.name: {name!r} has no weights to fetch, {tables} have; untrained "
            "upstreams belong in transfer.controls"
        )
    table = plugins.load("checkpoints", name)
    layout = getattr(table, "LAYOUT", None)
    found = listed(checkpoint, table.CHECKPOINTS) or (layout and unlisted(checkpoint, layout))
    if not found:
        others = f"; it takes {UNLISTED}, too" if layout else ""
        raise ValueError(
            f"upstream.checkpoint: {name} has {sorted(table.CHECKPOINTS)}, not "
            f"{checkpoint!r}{others}"
        )
    return found


def unlisted(name: str, layout: Layout) -> Checkpoint | HubCheckpoint | None:
    """Return the checkpoint of a name with a hash; None if the name has another form.

    Raises:
        ValueError: if its hash is missing or malformed, with the command that prints it.
    """
    what, _, pin = name.partition("@")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", what):
        how = f"`hf models info {what} --expand sha` prints today's"
        return HubCheckpoint(what, _hex(name, what, pin, 40, how), layout.weights, layout.beside)
    if what in layout.weights:
        weights, plus, listing = pin.partition("+")
        sha256 = _hex(name, what, weights, 64, f"`sha256sum {what}` prints it")
        if plus:
            how = f"`sha256sum` of what `sha256sum` prints of {_names(map(Path, layout.beside))}"
            listing = _hex(name, f"{what}@{weights}+", listing, 64, how)
        return Checkpoint((RemoteFile(what, sha256, ()),), "not stated", layout.beside, listing)
    return None


def _hex(name: str, what: str, pin: str, digits: int, how: str) -> str:
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", pin):
        raise ValueError(
            f"upstream.checkpoint: {what}@<{digits} hex digits> is needed, not {name!r}: {how}"
        )
    return pin
