"""A processor that gets bfloat16 wrong, imitated on any other."""

import torch
from torch.nn import functional as F

from voicegraft.model import precision

TRUE_CONVOLUTION = F.conv1d


def with_fast_bfloat16(monkeypatch, fast=True):
    """Let the machine say that it has bfloat16 products, or that it has none."""
    monkeypatch.setattr(precision, "bfloat16_is_fast", lambda _: fast)
    monkeypatch.setattr("voicegraft.training.compute.bfloat16_is_fast", lambda _: fast)
    precision._REPORTED.clear()


def with_noisy_convolutions(monkeypatch):
    """Let convolutions in groups return noise in bfloat16, as those of oneDNN do with AMX."""
    with_fast_bfloat16(monkeypatch)
    monkeypatch.setattr(F, "conv1d", noisy_in_groups)


def noisy_in_groups(values, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    right = TRUE_CONVOLUTION(values, weight, bias, stride, padding, dilation, groups)
    if groups == 1 or not torch.is_autocast_enabled("cpu"):
        return right
    return right + torch.randn_like(right) * right.detach().std()
