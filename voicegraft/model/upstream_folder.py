"""An upstream on disk: the files of its weights, and `upstream.json`, which says whose they are.

A control has no weights to keep: its `upstream.json` says what to build.
"""

import json
from pathlib import Path
from typing import Any

from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.files import read_json, reading, whole

IDENTITY_FILE = "upstream.json"


def write_identity(folder: Path, name: str, checkpoint: str, licence: str) -> None:
    """Say in `folder` whose files these are; written last, it marks the folder as whole."""
    _write_identity(folder, {"name": name, "checkpoint": checkpoint, "licence": licence})


def write_control(folder: Path, name: str, upstream: Path) -> None:
    """Write the control of that name which stands beside the upstream in folder `upstream`.

    Raises:
        ValueError: if `name` is no control, naming those that are here.
    """
    controls = [name for name in upstreams.names() if upstreams.is_control(name)]
    if name not in controls:
        raise ValueError(f"transfer.controls: {name!r} is no control; there are {controls}")
    folder.mkdir(parents=True, exist_ok=True)
    config = upstreams.plugin(name).beside(name_in(upstream), load(upstream))
    _write_identity(folder, {"name": name, "config": config})


def name_in(folder: Path) -> str:
    """Return the name of the upstream whose files are in `folder`."""
    identity = _identity(folder)
    with reading(folder / IDENTITY_FILE):
        return str(identity["name"])


def by_kind(folder: Path) -> dict[str, Path]:
    """Return the folder as a `control`, or as the `upstream` that a project has one of."""
    return {"control" if upstreams.is_control(name_in(folder)) else "upstream": folder}


def load(folder: Path) -> upstreams.Upstream:
    """Return the upstream in `folder`, frozen: one that fetch_model left, or a control."""
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
