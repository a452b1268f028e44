"""A stage's scratch: what its runs keep there, each in a folder of its name, until it is old.

The name of a run is a hash of all that it reads, so that no other run is taken for it. A kept file
shows whether it is whole: it is safetensors, with the hash of all that is in it. Torn by a power
failure or a full disk, it is named and its run begins anew; nobody has to delete it.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, uint8

import voicegraft
from voicegraft.pipeline.files import hashes
from voicegraft.training.ranks import is_first

LIBRARIES = (
    *("jiwer", "lightning-fabric", "numpy", "scikit-learn", "torch", "torchaudio", "transformers"),
)
"""Those whose version may change what is learnt, or which epoch is the best."""


def fingerprint(reads: Mapping[str, Any]) -> str:
    """Return a name for the run that reads this; it changes with whatever may change the run.

    Files are read by content: one that was copied, or has another time, is the same. In the name
    are besides: voicegraft's code, the libraries' versions, and the kind of machine, by which
    knobs that are `auto` are decided.

    Args:
        reads: knobs, clips, sections of params.yaml; a path stands for what lies there.

    Raises:
        TypeError: if there is something in `reads` whose content is not known.
    """
    everything = dict(reads) | {"code": Path(voicegraft.__file__).parent, "on": _surroundings()}
    text = json.dumps(everything, default=_content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content(thing: object) -> Any:
    if isinstance(thing, Path):
        return _files(thing)
    if isinstance(thing, BaseModel):
        return thing.model_dump()
    if is_dataclass(thing) and not isinstance(thing, type):
        return asdict(thing)
    raise TypeError(f"a run cannot be named by {thing!r}: its content is not known")


def _files(path: Path) -> dict[str, str]:
    if not (found := hashes(path)):
        raise FileNotFoundError(f"{path} is not here, or is empty: a run that reads it has no name")
    return found


def _surroundings() -> list[str]:
    found = [f"{name} {_version(name)}" for name in LIBRARIES]
    processor = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return [*found, processor, torch.cuda.get_device_name() if torch.cuda.is_available() else ""]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


CHECKPOINT, RESULT = "last.safetensors", "result.safetensors"
LOCK = "lock"
PART = ".part"

Kept = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors by name, and what JSON can hold."""


def keep(path: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Replace the file by these, whole or not at all; other processes may do the same.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(values)
    apart = Path(tempfile.mkdtemp(PART, path.name, path.parent))
    partial = apart / path.name
    try:
        save_file(own, partial, {"values": text, "sha256": _digest(own, text)})
        os.replace(partial, path)
    except SafetensorError as error:
        raise OSError(f"{path}: {error}") from None
    finally:
        shutil.rmtree(apart, ignore_errors=True)


def recall(path: Path) -> Kept | None:
    """Return the kept content; None if there is none, or, with a message, if it is damaged."""
    while path.is_file():
        seen = _written(path)
        with suppress(SafetensorError, KeyError, TypeError):  # not even its beginning can be read
            with safe_open(path, "pt") as file:
                facts = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if _digest(tensors, facts["values"]) == facts["sha256"]:
                return tensors, json.loads(facts["values"])
        if seen == _written(path):  # else another process replaced it meanwhile
            print(f"{path} is damaged: what it kept is done anew", file=sys.stderr)
            return None
    return None


def _written(path: Path) -> tuple[int, int]:
    """Return what differs once a file is replaced; its number alone may be that of the old one."""
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns


@contextmanager
def tidied(*folders: Path) -> Iterator[set[str]]:
    """Yield a set for the names of the runs in use; at the end, remove what others have left.

    Not if the block ends in an error, nor where another process is at work in a folder: then
    that one does it. Files that no run has made are let be.
    """
    used: set[str] = set()
    with ExitStack() as locks:
        held = {folder: locks.enter_context(_open_lock(folder)) for folder in folders}
        shared = [folder for folder, lock in held.items() if _locked(lock, fcntl.LOCK_SH)]
        yield used
        for folder in shared if is_first() else []:
            if _locked(held[folder], fcntl.LOCK_EX | fcntl.LOCK_NB):
                for run in filter(Path.is_dir, folder.iterdir()):
                    _tidy(run, run.name in used)


def _open_lock(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return open(folder / LOCK, "ab")


def _tidy(run: Path, in_use: bool) -> None:
    """Remove what a kill has left half written, and unless it is in use all that the run kept."""
    for name in (CHECKPOINT, RESULT):
        for file in run.glob(f"{name}*"):
            if file.is_dir() and file.suffix == PART:
                shutil.rmtree(file, ignore_errors=True)
            elif file.suffix == PART or (file.name == name and not in_use):
                file.unlink(missing_ok=True)
    with suppress(OSError):
        run.rmdir()  # if it is empty


def _locked(file: BinaryIO, how: int) -> bool:
    """Return whether the lock was had; there are file systems without locks."""
    try:
        fcntl.flock(file, how)
    except OSError:
        return False
    return True


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.reshape(-1).view(uint8).numpy())
    return digest.hexdigest()
