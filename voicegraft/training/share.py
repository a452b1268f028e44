"""How much of a model learns."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from voicegraft.training.schedule import Part
from voicegraft.upstreams import Upstream
from voicegraft.whole import whole


@dataclass(frozen=True)
class Share:
    """How many parameters a training may change."""

    head: int
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
    head = sum(size for name, size in sizes if name == "head")
    upstream = sum(size for name, size in sizes if name != "head")
    return Share(head, upstream, round(upstream / pretrained, 6))


def write_share(path: Path, share: Share) -> None:
    """Write it as a metric for DVC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text(json.dumps(asdict(share), indent=2) + "\n", encoding="utf-8")
