"""A cache that several people share, on an object store: what one encoded, the others fetch.

Under its address lie closed shards (`shards`), each named by the SHA-256 of its bytes. Beside each
lies a list of its keys, which is written last: so a shard that is there in part is never looked
for, and two writers of the same bytes need no lock. What is fetched is checked by its name and lies
in the folder of the local cache from then on.

fsspec speaks to the store (https://filesystem-spec.readthedocs.io). It takes credentials from the
environment, or from the files of the store's own tools.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec.callbacks import TqdmCallback
from tqdm import tqdm

from voicegraft.pipeline.files import DamagedError, sha256_of, whole

KEY_BYTES = 32
ATTEMPTS = 5
WAIT_SECONDS = 0.2
"""Before the second attempt; before each further one it is twice as long."""
READERS = 8
"""Lists of keys read at once."""
PIECE_BYTES = 8 * 2**20
EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure"}
"""What to install, by the protocol of an address."""

T = TypeVar("T")


class SharedCache:
    """Shards by their keys, under an address such as s3://bucket/prefix.

    A store that fails is given up after some attempts, with one message: clips are then encoded as
    without it.

    Raises:
        ValueError: if the address names no known kind of store, or one that is not installed, or
            has credentials in it.
    """

    def __init__(self, address: str):
        self.address, self._gave_up = address.rstrip("/"), False
        self._store, self._root = _opened(self.address)
        self._shards: dict[bytes, str] = {}
        self.look()

    def __len__(self) -> int:
        return len(self._shards)

    def __contains__(self, key: bytes) -> bool:
        return key in self._shards and not self._gave_up

    def look(self) -> None:
        """Learn the keys of shards that others have put there."""
        known = set(self._shards.values())
        paths = [p for p in self._tried(self._list, []) if Path(p).stem not in known]
        with ThreadPoolExecutor(READERS) as readers:
            for path, content in zip(paths, readers.map(self._read, paths), strict=True):
                self._learn(Path(path).stem, content)

    def fetch(self, key: bytes, folder: Path) -> Path | None:
        """Return the shard of `key`, fetched into `folder`; None if there is none, or damaged."""
        if (name := self._shards.get(key)) is None or self._gave_up:
            return None
        path = folder / f"{name}.states"
        self._tried(lambda: self._get(name, path), None)
        if not path.is_file():
            self._shards = {k: shard for k, shard in self._shards.items() if shard != name}
            return None
        return path

    def publish(self, path: Path, size: int, keys: Collection[bytes]) -> None:
        """Put the first `size` bytes of a shard there, unless all its keys are there already."""
        if self._gave_up or all(key in self._shards for key in keys):
            return
        listed = b"".join(sorted(keys))
        name = _sha256_of_first(path, size)
        self._tried(lambda: self._put(name, path, size), None)
        listed += hashlib.sha256(listed).digest()
        self._tried(lambda: self._store.pipe_file(f"{self._root}/{name}.keys", listed), None)
        self._learn(name, listed)

    def _list(self) -> list[str]:
        """Return where lists of keys are."""
        self._store.invalidate_cache()
        if not self._store.exists(self._root):
            return []
        return [p for p in self._store.ls(self._root, detail=False) if p.endswith(".keys")]

    def _read(self, path: str) -> bytes:
        return self._tried(lambda: self._store.cat_file(path), b"")

    def _learn(self, name: str, content: bytes) -> None:
        listed, checksum = content[:-KEY_BYTES], content[-KEY_BYTES:]
        if hashlib.sha256(listed).digest() != checksum:
            return  # it is being written, or damaged
        for first in range(0, len(listed), KEY_BYTES):
            self._shards[listed[first : first + KEY_BYTES]] = name

    def _get(self, name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(DamagedError), whole(path) as partial, self._bar("fetched") as bar:
            self._store.get_file(f"{self._root}/{name}.states", str(partial), callback=bar)
            if sha256_of(partial) != name:
                line = f"{self.address}/{name}.states is damaged: its clips are encoded again"
                tqdm.write(line, file=sys.stderr)
                raise DamagedError(line)

    def _put(self, name: str, path: Path, size: int) -> None:
        target = f"{self._root}/{name}.states"
        if self._store.exists(target) and self._store.size(target) == size:
            return
        self._store.makedirs(self._root, exist_ok=True)
        with open(path, "rb") as own, self._bar("shared") as bar:
            bar.set_size(size)
            with self._store.open(target, "wb") as there:
                while left := size - own.tell():
                    bar.relative_update(there.write(own.read(min(PIECE_BYTES, left))))

    def _bar(self, what: str) -> TqdmCallback:
        shape = {"desc": what, "unit": "B", "unit_scale": True, "leave": False, "delay": 1}
        return TqdmCallback(tqdm_kwargs=shape)

    def _tried(self, act: Callable[[], T], otherwise: T) -> T:
        """Return what `act` returns in one of some attempts; or give up and return `otherwise`."""
        for attempt in range(ATTEMPTS):
            if self._gave_up:
                break
            try:
                return act()
            except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own
                if attempt + 1 < ATTEMPTS:
                    time.sleep(WAIT_SECONDS * 2**attempt)
                    continue
                self._gave_up = True
                why = " ".join(f"{error}".split()) or type(error).__name__
                line = f"{self.address}: {why}: the shared cache is not used from now on"
                tqdm.write(line, file=sys.stderr)
        return otherwise


def _opened(address: str) -> tuple[Any, str]:
    """Return the store of an address, and the path in it."""
    knob, protocol = "params.yaml: extract_embeddings.shared_cache", address.split("://")[0]
    if "@" in address:
        raise ValueError(f"{knob} must have no credentials: they come from the environment")
    try:
        return fsspec.core.url_to_fs(address)
    except ImportError:
        extra = EXTRAS.get(protocol)
        how = f"pip install 'voicegraft[{extra}]'" if extra else "install fsspec's package for it"
        raise ValueError(f"{knob}: {address} needs a package that is not there: {how}") from None
    except ValueError as error:
        known = "s3://, gs://, az:// or a folder"
        raise ValueError(f"{knob}: {address}: {error}: it may be {known}") from None


def _sha256_of_first(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while left := size - file.tell():
            digest.update(file.read(min(PIECE_BYTES, left)))
    return digest.hexdigest()
