"""A Transformer block with norms first: what the blocks of Whisper's encoder and decoder share."""

from torch import Tensor, nn
from torch.nn import functional as F


class NormFirstBlock(nn.Module):
    """Norms, and layers of self-attention and feed-forward; a subclass says what attends to what.

    "Pre-LN" of Xiong et al. 2020, https://arxiv.org/abs/2002.04745.
    """

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.mlp_norm = nn.LayerNorm(size)
        self.up = nn.Linear(size, 4 * size)
        self.down = nn.Linear(4 * size, size)

    def fed_forward(self, states: Tensor) -> Tensor:
        """Return states (…, size) with the feed-forward layers' part added."""
        return states + self.down(F.gelu(self.up(self.mlp_norm(states))))

    def by_head(self, joint: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Map (batch, places, parts × size) to parts, (batch, heads, places, size of a head)."""
        return joint.unflatten(-1, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind()


def joined(mixed: Tensor) -> Tensor:
    """Map (batch, heads, places, size of a head) to (batch, places, size)."""
    return mixed.transpose(1, 2).flatten(2)
