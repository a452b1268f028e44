"""Where a killed training run goes on: one file, replaced whole after every epoch."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import voicegraft

if TYPE_CHECKING:
    from lightning_fabric import Fabric

FILE = "last.ckpt"


def fingerprint(params: dict, inputs: Iterable[Path]) -> str:
    """Return a name for the run: it changes with the params, the input files and our code."""
    digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode())
    for code in sorted(Path(voicegraft.__file__).parent.rglob("*.py")):
        digest.update(code.read_bytes())
    for path in sorted(file for folder in inputs for file in folder.rglob("*")):
        status = path.stat()
        digest.update(f"{path}{status.st_size}{status.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


class Checkpoint:
    """The state of one run, kept in `folder` until the run is done.

    Args:
        folder: for this fingerprint alone; checkpoints of other runs beside it are removed.
    """

    def __init__(self, folder: Path):
        self.path = folder / FILE
        for other in folder.parent.glob(f"*/{FILE}"):
            if other != self.path:
                other.unlink()

    def restore(self, fabric: "Fabric", state: dict[str, Any]) -> bool:
        """Fill `state` (modules, optimisers, values) in place; return False if there is none."""
        if not self.path.is_file():
            return False
        # Tensors and plain values only: nothing in the file can run.
        fabric.load(self.path, state, weights_only=True)
        return True

    def save(self, fabric: "Fabric", state: dict[str, Any]) -> None:
        """Replace the file by `state`."""
        partial = self.path.with_suffix(".part")
        fabric.save(partial, state)
        if fabric.is_global_zero:
            os.replace(partial, self.path)

    def discard(self) -> None:
        """Remove the file: the run is done."""
        self.path.unlink(missing_ok=True)
