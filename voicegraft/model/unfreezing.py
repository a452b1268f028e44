"""The contract of a way to unfreeze: what of the upstream learns, and what is added to it for that.

A way is a file of voicegraft/unfreezing, named by `learns` in a recipe of params.yaml, with

    Way(Unfreezing)     its own knobs as fields, which stand in the recipe beside those that all
                        recipes have; what it adds to a block, and what of a module learns

What is added is a module of its own under a name of its own: no weight of the upstream is called
otherwise than before, and taken off, the upstream is what it was. At first it changes no bit of
what the block says, so that fine-tuning begins at the score of the trained head.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from torch import nn

from voicegraft.model.upstream import Upstream
from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import Section


class Unfreezing(Section, ABC):
    """A way to unfreeze, with its knobs."""

    adds: ClassVar[bool] = False
    """Whether it adds anything: then the model says so, to be built again."""

    def add(self, block: nn.Module, size: int) -> None:
        """Add to a block what it takes to learn; random weights come from torch's generator.

        Args:
            block: one of an upstream's.
            size: numbers in a frame, of what the block takes and gives.

        Raises:
            ValueError: if there is nothing in the block to add it to.
        """

    @abstractmethod
    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield the parameters that learn, of a block, the closing norm or the stem."""


class Added(BaseModel):
    """What was added to an upstream, as model.json tells it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    way: str
    knobs: dict[str, int | float]
    blocks: list[int]
    """The lowest block is 1."""


def names() -> list[str]:
    """Return the ways in voicegraft/unfreezing."""
    return plugins.names("unfreezing")


def way(name: str) -> type[Unfreezing]:
    """Return the way of that name.

    Raises:
        ValueError: naming those that are here.
    """
    if name not in names():
        raise ValueError(f"learns: {name!r} is not in voicegraft/unfreezing: {names()}")
    return plugins.load("unfreezing", name).Way


def add(upstream: Upstream, added: Added) -> None:
    """Add to the upstream what `added` tells of, with weights to be loaded or learnt.

    Raises:
        ValueError: if the upstream has no such block, or the block no place for it.
    """
    chosen = way(added.way)(**added.knobs)
    for number in added.blocks:
        if not 1 <= number <= len(upstream.blocks):
            raise ValueError(f"there are {len(upstream.blocks)} blocks to add to, not {number}")
        chosen.add(upstream.blocks[number - 1], upstream.size)
