"""The store: what the frozen upstream says of each clip, in half precision, by memory map.

`layer_<k>.npy` holds the states of layer k of all clips end to end, (frames, size) float16;
`index.csv` says where each clip begins; `store.json` what they are states of.
"""

import csv
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from voicegraft.packed import PackedWriter, read_packed


class StoreWriter:
    """Write clips into a store, in any order; it opens only once the block ends without error.

    Args:
        facts: what a reader must know of the states (upstream, margin …), as JSON.
    """

    def __init__(self, folder: Path, layers: Sequence[int], size: int, facts: dict):
        self.folder, self.layers, self.size = folder, list(layers), size
        self.facts = facts | {"layers": self.layers, "size": size}
        self.index: list[tuple[str, int, int]] = []

    def __enter__(self) -> "StoreWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files = ExitStack()
        self._packed = {
            layer: self._files.enter_context(
                PackedWriter(_layer_file(self.folder, layer), np.float16, (self.size,))
            )
            for layer in self.layers
        }
        return self

    def add(self, clip: str, states: dict[int, np.ndarray]) -> None:
        """Append the clip's states, (frames, size) for each layer."""
        (first,) = {self._packed[layer].append(states[layer]) for layer in self.layers}
        self.index.append((clip, first, len(states[self.layers[0]])))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.__exit__(kind, error, trace)
        if kind is None:
            self._write_index()
            text = json.dumps(self.facts, indent=2, sort_keys=True)
            (self.folder / "store.json").write_text(text + "\n", encoding="utf-8")

    def _write_index(self) -> None:
        with open(self.folder / "index.csv", "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["id", "first_frame", "frames"])
            table.writerows(self.index)


class Store:
    """The states of a corpus, read where they lie.

    Attributes:
        facts: store.json.
        frames: how many frames each clip has, by id.
    """

    def __init__(self, folder: Path):
        self.facts = json.loads((folder / "store.json").read_text(encoding="utf-8"))
        self._layers = {k: read_packed(_layer_file(folder, k)) for k in self.facts["layers"]}
        with open(folder / "index.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self._first = {row["id"]: int(row["first_frame"]) for row in rows}
        self.frames = {row["id"]: int(row["frames"]) for row in rows}

    def states(self, clip: str, layer: int) -> np.ndarray:
        """Return float16 states of shape (frames, size), mapped from disk.

        Raises:
            ValueError: if the layer was not stored, naming those that were.
        """
        if layer not in self._layers:
            raise ValueError(
                f"layer {layer} is not in the store, which has {sorted(self._layers)}: "
                "add it to extract_embeddings.layers"
            )
        first = self._first[clip]
        return self._layers[layer][first : first + self.frames[clip]]


def _layer_file(folder: Path, layer: int) -> Path:
    return folder / f"layer_{layer}.npy"
