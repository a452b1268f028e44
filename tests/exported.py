"""Tiny models, and waves, for tests of exports. The waves are of several lengths and levels."""

import numpy as np
import torch

from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel

RATE = 16_000
LABELS = ["", " ", "a", "č"]
CLASSES = ["yes", "no", "maybe"]


def waves() -> list[np.ndarray]:
    """Return noise that swells and fades, float32 (samples,)."""
    rng = np.random.default_rng(1)
    lengths = (RATE, 4_001, 7_999, 401)
    return [
        (0.1 * k * rng.standard_normal(n) * np.sin(np.arange(n) / 3000)).astype(np.float32)
        for k, n in enumerate(lengths, 1)
    ]


def model(upstream: str = "whisper", **of: object) -> GraftedModel:
    """Return a tiny model with random weights; a classifier if it has `pooling`."""
    config = upstreams.plugin(upstream).TINY
    values = {
        "upstream": upstream,
        "upstream_config": config,
        "margin_seconds": 0.1,
        "head": "ctc_transformer",
        "layer": config.get("blocks", 0),
        "labels": CLASSES if of.get("pooling") else LABELS,
    }
    torch.manual_seed(1)
    return GraftedModel(Description(**values | of)).eval().requires_grad_(False)


def padded(clips: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return clips as one batch, with noise behind them, and their lengths."""
    lengths = torch.tensor([len(clip) for clip in clips])
    batch = torch.randn(len(clips), int(lengths.max()))
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    return batch, lengths
