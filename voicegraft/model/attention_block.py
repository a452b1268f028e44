"""A block of an attention decoder, and what it attends to: the states of a batch of clips."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voicegraft.model.transformer import NormFirstBlock, joined

KeysValues = tuple[Tensor, Tensor]
"""Of a block: both (batch, heads, places, size of a head)."""


@dataclass(frozen=True)
class Memory:
    """What a decoder attends to in a batch of clips.

    Attributes:
        encoded: keys and values of the states, by block; places are frames.
        mask: True for frames of a clip, (batch, 1, 1, frames); None if there is no padding.
    """

    encoded: list[KeysValues]
    mask: Tensor | None

    def repeated(self, times: int) -> "Memory":
        """Return the memory of one clip for so many texts of it."""
        shape = times, -1, -1, -1
        return Memory([(k.expand(*shape), v.expand(*shape)) for k, v in self.encoded], self.mask)


class Block(NormFirstBlock):
    """A block that attends to texts so far and then to states."""

    def __init__(self, size: int, heads: int):
        super().__init__(size, heads)
        self.cross_norm = nn.LayerNorm(size)
        self.cross_query = nn.Linear(size, size)
        self.cross_kv = nn.Linear(size, 2 * size)
        self.cross_out = nn.Linear(size, size)

    def forward(
        self, states: Tensor, encoded: KeysValues, mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """Return states (batch, tokens, size), and keys and values of all tokens so far.

        Args:
            states: of the tokens, or, with a `past`, of the one token that follows it.
            encoded: see `Memory`.
            mask: see `Memory`.
            past: keys and values of the tokens before.
        """
        query, keys, values = self.by_head(self.qkv(self.attention_norm(states)), 3)
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        mixed = F.scaled_dot_product_attention(query, keys, values, is_causal=past is None)
        states = states + self.out(joined(mixed))
        (query,) = self.by_head(self.cross_query(self.cross_norm(states)), 1)
        mixed = F.scaled_dot_product_attention(query, *encoded, attn_mask=mask)
        states = states + self.cross_out(joined(mixed))
        return self.fed_forward(states), (keys, values)

    def listen(self, states: Tensor) -> KeysValues:
        """Return keys and values of encoded states, (batch, frames, size)."""
        return self.by_head(self.cross_kv(states), 2)
