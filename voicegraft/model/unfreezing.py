"""The contract of a way to unfreeze: which parameters of the upstream learn, and added modules.

A way is a file of voicegraft/unfreezing, named by `learns` in a recipe of params.yaml, with

    Way(Unfreezing)     its own knobs as fields, which are in the recipe beside the knobs of all
                        recipes; what it adds to a block, and which parameters of a module learn

An added module has its own name: the names of the upstream's weights do not change, and removing
the module restores the upstream. At first it does not change the output of the block, so that
fine-tuning starts at the score of the trained head.
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
    """Whether it adds modules, which model.json then lists."""

    def add(self, block: nn.Module, size: int) -> None:
        """Add modules to a block; random weights come from torch's generator.

        Args:
            block: of an upstream.
            size: of a frame, at the block's input and output.

        Raises:
            ValueError: if the block has no place for them.
        """

    @abstractmethod
    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield the parameters that learn, in a block, the closing norm or the stem."""


class Added(BaseModel):
    """Modules that were added to an upstream, in model.json."""

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
        ValueError: naming the known ways.
    """
    if name not in names():
        raise ValueError(f"learns: {name!r} is not in voicegraft/unfreezing: {names()}")
    return plugins.load("unfreezing", name).Way


def add(upstream: Upstream, added: Added) -> None:
    """Add the modules of `added` to the upstream, with weights to be loaded or learnt.

    Raises:
        ValueError: if the upstream has no such block, or the block has no place for them.
    """
    chosen = way(added.way)(**added.knobs)
    for number in added.blocks:
        if not 1 <= number <= len(upstream.blocks):
            raise ValueError(f"there are {len(upstream.blocks)} blocks to add to, not {number}")
        chosen.add(upstream.blocks[number - 1], upstream.size)
