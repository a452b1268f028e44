"""The store: states of all clips, in shards of a bounded size.

`layer_<k>/<shard>.npy` holds the states of layer k of some clips end to end, (frames, size)
float16, or int8 behind their scales (`quantisation`); `index.csv` has the shard and the place of
each clip (`index`), `store.json` the upstream and its settings. If there is a
`components_<k>.safetensors`, the layer is stored as coordinates along these components.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from voicegraft.embedding.components import components_file, read_components
from voicegraft.embedding.index import Frames, read_index
from voicegraft.embedding.quantisation import FORMATS, HALF, STATES
from voicegraft.pipeline.files import DamagedError, read_json, reading
from voicegraft.pipeline.packed import PackedFile


class Store:
    """The states of a corpus, read from disk.

    Attributes:
        facts: store.json.
        frames: how many frames each clip has, by id.

    Raises:
        DamagedError: if a file is not as it was written, or does not fit the others.
    """

    def __init__(self, folder: Path):
        self.facts = read_json(folder / "store.json")
        with reading(folder / "store.json"):
            layers, size = self.facts["layers"], self.facts["size"]
            self._format = FORMATS[self.facts.get(STATES, HALF)]
        self._index = read_index(folder / "index.csv", self._format.lead)
        self.frames: Mapping[str, int] = Frames(self._index)
        files = {k: components_file(folder, k) for k in layers}
        self._components = {k: read_components(f) for k, f in files.items() if f.is_file()}
        rows = self._index.rows().tolist()
        self._shards: dict[int, list[PackedFile]] = {}
        for layer in layers:
            found = self._components.get(layer)
            width = len(found.directions) if found else size
            self._shards[layer] = [
                PackedFile(shard_file(folder, layer, name), self._format.dtype, (count, width))
                for name, count in zip(self._index.names, rows, strict=True)
            ]
        self._check_whole(folder)

    def _check_whole(self, folder: Path) -> None:
        """Raise DamagedError unless the shards of every layer are those of the index."""
        for layer, shards in self._shards.items():
            for shard in shards:
                shard.check()
            there = {path.name for path in layer_folder(folder, layer).iterdir()}
            if more := there - {shard.path.name for shard in shards}:
                raise DamagedError(
                    f"{layer_folder(folder, layer) / min(more)} is not in index.csv beside it: "
                    "`dvc repro` makes them anew"
                )

    def shards(self, layer: int) -> Iterator[tuple[Path, list[str]]]:
        """Yield the file of each shard, and the ids of its clips in their order there."""
        for shard, clips in zip(self._shards[layer], self._index.members(), strict=True):
            yield shard.path, clips

    @property
    def silence(self) -> int:
        """Number of frames of silence after each clip."""
        return self.facts["silence_frames"]

    def states(self, clip: str, layer: int) -> np.ndarray:
        """Return float16 states (frames, size), read from disk or restored from components.

        Raises:
            ValueError: if the layer is not stored, naming the stored ones.
        """
        shard, first, rows = self._place(clip, layer)
        states = self._format.unpacked(shard.rows(first, rows))
        components = self._components.get(layer)
        return components.restored(states) if components else states

    def ahead(self, clip: str, layer: int) -> None:
        """Let the system read the states of a clip that are wanted soon."""
        shard, first, rows = self._place(clip, layer)
        shard.ahead(first, rows)

    def _place(self, clip: str, layer: int) -> tuple[PackedFile, int, int]:
        """Return the shard, the first row and the number of rows of a clip."""
        if layer not in self._shards:
            raise ValueError(
                f"layer {layer} is not in the store, which has {sorted(self._shards)}: "
                "add it to extract_embeddings.layers"
            )
        index = self._index
        number = index.number[clip]
        shard = self._shards[layer][index.shard[number]]
        return shard, int(index.first[number]), int(index.frames[number]) + index.lead

    def clip_frames(self, clip: str) -> int:
        """Return the number of frames of the clip without the silence after it; at least one."""
        return max(1, self.frames[clip] - self.silence)


def layer_folder(folder: Path, layer: int) -> Path:
    """Return the folder of the shards of `layer`."""
    return folder / f"layer_{layer}"


def shard_file(folder: Path, layer: int, name: str) -> Path:
    """Return the file of a shard: states of `layer`, or their coordinates."""
    return layer_folder(folder, layer) / f"{name}.npy"
