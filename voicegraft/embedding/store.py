"""The store: states of all clips in half precision, read by memory map.

`layer_<k>.npy` holds the states of layer k of all clips end to end, (frames, size) float16;
`index.csv` has the first frame of each clip, `store.json` the upstream and its settings. If there
is a `components_<k>.safetensors`, the layer is stored as coordinates along these components.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from voicegraft.pipeline.files import DamagedError, read_json, reading, whole, whole_apart
from voicegraft.pipeline.packed import PackedWriter, read_packed
from voicegraft.pipeline.tables import read_rows


@dataclass(frozen=True)
class Components:
    """The directions along which the states of a layer vary most.

    Attributes:
        mean: mean of all states, float32 (size,).
        directions: orthonormal, float32 (components, size).
    """

    mean: np.ndarray
    directions: np.ndarray

    def reduced(self, states: np.ndarray) -> np.ndarray:
        """Project states (frames, size) to coordinates, float32 (frames, components)."""
        return (states.astype(np.float32) - self.mean) @ self.directions.T

    def restored(self, reduced: np.ndarray) -> np.ndarray:
        """Return states, float16 (frames, size), from coordinates (frames, components)."""
        return (reduced.astype(np.float32) @ self.directions + self.mean).astype(np.float16)


def write_components(path: Path, components: Components) -> None:
    """Write them as safetensors."""
    # safetensors writes the memory as it is: a transposed view would be read back wrongly.
    named = {name: np.ascontiguousarray(array) for name, array in vars(components).items()}
    with whole_apart(path) as partial:
        save_file(named, partial)


def read_components(path: Path) -> Components:
    """Return what was written.

    Raises:
        DamagedError: if it is no more there.
    """
    try:
        return Components(**load_file(path))
    except (SafetensorError, TypeError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from None


@contextmanager
def write_store(
    folder: Path, layers: Sequence[int], size: int, frames: Mapping[str, int], facts: dict
) -> Iterator["StoreWriter"]:
    """Yield a writer; the store is complete when the block ends without error, with every clip.

    Args:
        frames: number of frames of each clip, by id, in the order of the store.
        facts: facts about the states for readers (upstream, margin …), as JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        packed = {
            layer: files.enter_context(PackedWriter(layer_file(folder, layer), np.float16, (size,)))
            for layer in layers
        }
        writer = StoreWriter(packed, size, frames)
        yield writer
        writer.check_whole()
    with (
        whole(folder / "index.csv") as partial,
        open(partial, "w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "first_frame", "frames"])
        table.writerows((clip, writer.first[clip], count) for clip, count in frames.items())
    text = json.dumps(facts | {"layers": list(layers), "size": size}, indent=2, sort_keys=True)
    with whole(folder / "store.json") as partial:
        partial.write_text(text + "\n", encoding="utf-8")


class StoreWriter:
    """Writes clips at their places, so the bytes do not depend on the order of `add`."""

    def __init__(self, packed: Mapping[int, PackedWriter], size: int, frames: Mapping[str, int]):
        self.packed, self.size, self.frames = packed, size, frames
        self.first = dict(zip(frames, accumulate(frames.values(), initial=0), strict=False))
        self.missing = set(frames)

    def add(self, clip: str, states: Mapping[int, np.ndarray]) -> None:
        """Write the clip's states, (frames, size) for each layer.

        Raises:
            ValueError: if the number of frames is not the announced one.
        """
        for layer, packed in self.packed.items():
            if len(states[layer]) != self.frames[clip]:
                raise ValueError(
                    f"{clip}: layer {layer} has {len(states[layer])} frames, not the "
                    f"{self.frames[clip]} that its window has"
                )
            packed.put(self.first[clip], states[layer])
        self.missing.discard(clip)

    def check_whole(self) -> None:
        """Raise ValueError if a clip was never added."""
        if self.missing:
            raise ValueError(f"{len(self.missing)} clips were never added: {min(self.missing)} …")


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
        self._layers = {k: read_packed(layer_file(folder, k)) for k in layers}
        self._components = {
            k: read_components(components_file(folder, k))
            for k, packed in self._layers.items()
            if packed.shape[1] < size
        }
        rows = read_rows(folder / "index.csv")
        with reading(folder / "index.csv"):
            self._first = {row["id"]: int(row["first_frame"]) for row in rows}
            self.frames = {row["id"]: int(row["frames"]) for row in rows}
        self._check_whole(folder)

    def _check_whole(self, folder: Path) -> None:
        """Raise DamagedError unless clips lie end to end, and every layer has all of them."""
        places = list(accumulate(self.frames.values(), initial=0))
        for layer, packed in self._layers.items():
            if [*self._first.values(), len(packed)] != places:
                raise DamagedError(
                    f"{layer_file(folder, layer)} has {len(packed)} frames, which are not those of "
                    "index.csv beside it: `dvc repro` makes them anew"
                )

    @property
    def silence(self) -> int:
        """Number of frames of silence after each clip."""
        return self.facts["silence_frames"]

    def states(self, clip: str, layer: int) -> np.ndarray:
        """Return float16 states (frames, size), mapped from disk or restored from components.

        Raises:
            ValueError: if the layer is not stored, naming the stored ones.
        """
        if layer not in self._layers:
            raise ValueError(
                f"layer {layer} is not in the store, which has {sorted(self._layers)}: "
                "add it to extract_embeddings.layers"
            )
        first = self._first[clip]
        states = self._layers[layer][first : first + self.frames[clip]]
        components = self._components.get(layer)
        return components.restored(states) if components else states

    def clip_frames(self, clip: str) -> int:
        """Return the number of frames of the clip without the silence after it; at least one."""
        return max(1, self.frames[clip] - self.silence)


def layer_file(folder: Path, layer: int) -> Path:
    """Return the file of the states of `layer`, or of their coordinates."""
    return folder / f"layer_{layer}.npy"


def components_file(folder: Path, layer: int) -> Path:
    """Return the file of the principal components of `layer`."""
    return folder / f"components_{layer}.safetensors"
