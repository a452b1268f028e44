"""Dropout with cheap random numbers.

On a CPU, torch draws each number separately from a Mersenne twister, which takes a quarter of a
small head's training time. One byte for each value, from a generator that fills arrays (SFC64), is
enough to compare with a threshold.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """Zero each value with probability `p`, in steps of 1/256, and scale the rest (training only).

    Seeded by torch's generator, so the same seed zeros the same values.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """Return `values`, of any shape, with some of them zeroed."""
        if not self.training or not self.p:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.p)
        dropped = round(256 * self.p)
        draw = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, ()))))
        kept = torch.from_numpy(draw.integers(256, size=values.shape, dtype=np.uint8)) >= dropped
        return values * kept.to(values.dtype).mul_(256 / (256 - dropped))
