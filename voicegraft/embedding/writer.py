"""Write a store: at the places of its index, or from shards that an earlier store had."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np

from voicegraft.embedding.index import Frames, Index, lay, write_index
from voicegraft.embedding.kept import KeptShards
from voicegraft.embedding.quantisation import FORMATS, HALF, STATES, Format
from voicegraft.embedding.store import layer_folder, shard_file
from voicegraft.pipeline.files import whole
from voicegraft.pipeline.packed import PackedFile

PARTIAL = ".part"
"""Ends the name of a shard that is being written."""
OLD_LAYER = "layer_*.npy"
"""Files of earlier versions, which had a layer in one file."""


@contextmanager
def write_store(
    folder: Path,
    layers: Sequence[int],
    size: int,
    frames: Mapping[str, int],
    facts: dict,
    order: Sequence[str] | None = None,
    kept: KeptShards | None = None,
) -> Iterator["StoreWriter"]:
    """Yield a writer; the store is complete when the block ends without error, with every clip.

    Args:
        frames: number of frames of each clip, by id, in the order of the store.
        facts: facts about the states for readers (upstream, margin, format …), as JSON.
        order: the ids in the order in which the clips lie in the shards, if it is another.
        kept: shards of earlier stores.
    """
    kind = FORMATS[facts.get(STATES, HALF)]
    laid = frames if order is None else order
    index = lay(frames, laid, size * kind.dtype.itemsize, kind.lead)
    writer = StoreWriter(folder, layers, size, index, kind, kept)
    try:
        yield writer
        writer.check_whole()
        writer.finish()
    finally:
        writer.discard()
    write_index(folder / "index.csv", index)
    text = json.dumps(facts | {"layers": list(layers), "size": size}, indent=2, sort_keys=True)
    with whole(folder / "store.json") as partial:
        partial.write_text(text + "\n", encoding="utf-8")


class StoreWriter:
    """Writes clips at their places, so the bytes do not depend on the order of `add`."""

    def __init__(
        self,
        folder: Path,
        layers: Sequence[int],
        size: int,
        index: Index,
        kind: Format,
        kept: KeptShards | None = None,
    ):
        self.folder, self.layers, self.size, self._format = folder, list(layers), size, kind
        self.frames, self._index, self._kept = Frames(index), index, kept
        self._rows = index.rows()
        self._missing = np.ones(len(index.number), bool)
        self._linked: set[int] = set()
        self._names: dict[Path, str] = {}
        for layer in layers:
            layer_folder(folder, layer).mkdir(parents=True, exist_ok=True)
        self.discard()

    def shards(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each shard's number and the ids of its clips, in their order there."""
        yield from enumerate(self._index.members())

    def is_kept(self, shard: int, keys: Sequence[Mapping[int, bytes]]) -> bool:
        """Link the shard, if an earlier store had it in every layer; return whether it had.

        Args:
            shard: its number.
            keys: of the states of its clips by layer, in their order there.
        """
        if self._kept is None:
            return False
        parts = {layer: self._part(layer, shard) for layer in self.layers}
        for layer, part in parts.items():
            own = (of_layer[layer] for of_layer in keys)
            self._names[part.path] = self._kept.name(part.dtype, part.shape, own)
        for part in parts.values():
            if not self._kept.link(self._names[part.path], part.path):
                for linked in parts.values():
                    linked.path.unlink(missing_ok=True)
                return False
        self._linked.add(shard)
        self._missing[self._index.shard == shard] = False
        return True

    def add(self, clip: str, states: Mapping[int, np.ndarray]) -> None:
        """Write the clip's states, (frames, size) for each layer, unless its shard is kept.

        Raises:
            ValueError: if the number of frames is not the announced one.
        """
        number = self._index.number[clip]
        shard, first = int(self._index.shard[number]), int(self._index.first[number])
        for layer in self.layers:
            if len(states[layer]) != self.frames[clip]:
                raise ValueError(
                    f"{clip}: layer {layer} has {len(states[layer])} frames, not the "
                    f"{self.frames[clip]} that its window has"
                )
            if shard not in self._linked:
                self._put(self._part(layer, shard), first, self._format.packed(states[layer]))
        self._missing[number] = False

    def _put(self, part: PackedFile, first: int, rows: np.ndarray) -> None:
        try:
            if not part.path.exists():
                part.create()
            part.put(first, rows)
        except OSError as error:  # of several files, the name of the one that is full
            error.filename = str(part.path.with_suffix(""))
            raise

    def check_whole(self) -> None:
        """Raise ValueError if a clip was never added."""
        if self._missing.any():
            ids = zip(self._index.number, self._missing.tolist(), strict=True)
            missing = [clip for clip, is_missing in ids if is_missing]
            raise ValueError(f"{len(missing)} clips were never added: {min(missing)} …")

    def finish(self) -> None:
        """Let the shards take the place of those that were there; no store opens meanwhile."""
        (self.folder / "store.json").unlink(missing_ok=True)
        self._remove(wanted=set(self._files()))
        for path in self._files():
            os.replace(_partial(path), path)
            if self._kept and (name := self._names.get(_partial(path))):
                self._kept.keep(name, path)
        if self._kept:
            self._kept.trim()

    def discard(self) -> None:
        """Delete what is not finished."""
        for layer in self.layers:
            for path in layer_folder(self.folder, layer).glob(f"*{PARTIAL}"):
                path.unlink()

    def _files(self) -> Iterator[Path]:
        for layer in self.layers:
            yield from (shard_file(self.folder, layer, name) for name in self._index.names)

    def _remove(self, wanted: set[Path]) -> None:
        """Delete the shards and components of another store."""
        old = [path for path in self.folder.glob("layer_*/*.npy") if path not in wanted]
        for path in chain(old, *map(self.folder.glob, ("components_*", OLD_LAYER))):
            path.unlink()

    def _part(self, layer: int, shard: int) -> PackedFile:
        path = _partial(shard_file(self.folder, layer, self._index.names[shard]))
        return PackedFile(path, self._format.dtype, (int(self._rows[shard]), self.size))


def _partial(path: Path) -> Path:
    return path.with_name(path.name + PARTIAL)
