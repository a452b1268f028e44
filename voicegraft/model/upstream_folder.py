"""An upstream on disk: its weights files, and `upstream.json`, which identifies them.

A control has no weights: its `upstream.json` has the config to build it.
"""

import json
from pathlib import Path
from typing import Any

from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.files import read_json, reading, whole

IDENTITY_FILE = "upstream.json"


def write_identity(folder: Path, name: str, checkpoint: str, licence: str) -> None:
    """Write `upstream.json` into `folder`; written last, it marks the folder as complete."""
    _write_identity(folder, {"name": name, "checkpoint": checkpoint, "licence": licence})


def write_control(folder: Path, name: str, upstream: Path) -> None:
    """Write the control `name` for the upstream in folder `upstream`.

    Raises:
        ValueError: if `name` is no control, naming the controls.
    """
    controls = [name for name in upstreams.names() if upstreams.is_control(name)]
    if name not in controls:
        raise ValueError(f"transfer.controls: {name!r} is no control; known: {controls}")
    folder.mkdir(parents=True, exist_ok=True)
    config = upstreams.plugin(name).beside(name_in(upstream), load(upstream))
    _write_identity(folder, {"name": name, "config": config})


def name_in(folder: Path) -> str:
    """Return the name of the upstream whose files are in `folder`."""
    identity = _identity(folder)
    with reading(folder / IDENTITY_FILE):
        return str(identity["name"])


def by_kind(folder: Path) -> dict[str, Path]:
    """Return the folder under the key `control` or `upstream`, for `provenance`."""
    return {"control" if upstreams.is_control(name_in(folder)) else "upstream": folder}


def load(folder: Path) -> upstreams.Upstream:
    """Return the upstream in `folder`, frozen: a fetched one or a control."""
    identity = _identity(folder)
    with reading(folder / IDENTITY_FILE):
        module = upstreams.plugin(identity["name"])
        untrained = module.build(identity["config"]) if "config" in identity else None
    upstream = module.load(folder) if untrained is None else untrained
    return upstream.eval().requires_grad_(False)


def _identity(folder: Path) -> dict[str, Any]:
    return read_json(folder / IDENTITY_FILE)


def _write_identity(folder: Path, identity: dict[str, Any]) -> None:
    with whole(folder / IDENTITY_FILE) as partial:
        partial.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
