"""The name of a run: a hash of all that it reads, so that no other run is taken for it."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

import voicegraft
from voicegraft.pipeline.files import hashes

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
