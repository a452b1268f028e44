"""What a training leaves for git: learning curves, and the share that learns."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dvclive import Live

from voicegraft.model.upstream import Upstream
from voicegraft.pipeline.files import write_json
from voicegraft.training.schedule import Part

PART = ".part"


def write_curves(history: Sequence[dict[str, float]], folder: Path) -> None:
    """Write one .tsv for each value of `history`, whose records carry their `step`.

    dvclive writes into a file step by step, so it does so apart, and then whole files are moved.

    Raises:
        OSError: if they cannot be written, naming the folder.
    """
    apart = folder / PART
    try:
        shutil.rmtree(apart, ignore_errors=True)
        with Live(str(apart), save_dvc_exp=False, dvcyaml=None, report=None) as live:
            for record in history:
                live.step = int(record["step"])
                for name, value in record.items():
                    if name != "step":
                        live.log_metric(name, round(value, 6))
        shutil.rmtree(folder / "plots", ignore_errors=True)  # of a run with other values
        for file in [path for path in apart.rglob("*") if path.is_file()]:
            target = folder / file.relative_to(apart)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
    except OSError as error:
        error.filename, error.filename2 = str(folder), None
        raise
    finally:
        shutil.rmtree(apart, ignore_errors=True)


@dataclass(frozen=True)
class Share:
    """How many parameters a training may change."""

    head: int
    """In the head, and in the attention decoder beside it."""
    upstream: int
    """In the upstream, with what was added to it."""
    share: float
    """The same as a share of the pretrained upstream's."""

    def __str__(self) -> str:
        return (
            f"{self.upstream:,} parameters learn in the upstream, {self.share:.2%} of what it has, "
            f"and {self.head:,} in the head"
        )


def size_of(upstream: Upstream) -> int:
    """Return how many parameters it has."""
    return sum(parameter.numel() for parameter in upstream.parameters())


def share_of(parts: Iterable[Part], pretrained: int) -> Share:
    """Return how much `parts` let learn of an upstream that had `pretrained` parameters."""
    sizes = [(part.name, sum(p.numel() for p in part.parameters)) for part in parts]
    head = sum(size for name, size in sizes if not name.startswith("block"))
    upstream = sum(size for name, size in sizes if name.startswith("block"))
    return Share(head, upstream, round(upstream / pretrained, 6))


def write_share(path: Path, share: Share, errors: Mapping[str, Any]) -> None:
    """Write it as JSON, with errors on dev by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, asdict(share) | errors)
