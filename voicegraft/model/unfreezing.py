"""The contract of a way to unfreeze: which parameters of a network learn, and added modules.

The network is the upstream, and an attention decoder if it learns too.

A way is a file of voicegraft/unfreezing, named by `learns` in a recipe of params.yaml, with

    Way(Unfreezing)     its own knobs as fields, which are in the recipe beside the knobs of all
                        recipes; what it adds to a block, and which parameters of a module learn

An added module has its own name: the names of the network's weights do not change, and removing
the module restores the network. At first it does not change the output of the block, so that
fine-tuning starts at the score of the trained head.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from torch import nn

from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import Section


class Unfreezing(Section, ABC):
    """A way to unfreeze, with its knobs."""

    adds: ClassVar[bool] = False
    """Whether it adds modules, which model.json then lists."""

    def add(self, block: nn.Module, size: int) -> None:
        """Add modules to a block; random weights come from torch's generator.

        Args:
            block: of an upstream or an attention decoder.
            size: of a frame, at the block's input and output.

        Raises:
            ValueError: if the block has no place for them.
        """

    @abstractmethod
    def learning(self, module: nn.Module) -> Iterable[nn.Parameter]:
        """Yield the parameters that learn, in a block, the closing norm, the stem or a decoder."""


class Added(BaseModel):
    """Modules that were added to a network, in model.json."""

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


def add(blocks: Sequence[nn.Module], size: int, added: Added) -> None:
    """Add the modules of `added` to blocks of a network, with weights to be loaded or learnt.

    Args:
        blocks: all of the network's.
        size: of a frame or token, at the input and output of each.
        added: the modules.

    Raises:
        ValueError: if there is no such block, or the block has no place for them.
    """
    chosen = way(added.way)(**added.knobs)
    for number in added.blocks:
        if not 1 <= number <= len(blocks):
            raise ValueError(f"there are {len(blocks)} blocks to add to, not {number}")
        chosen.add(blocks[number - 1], size)
