"""A network with random weights on padded batches: as the network itself."""

from torch import nn

from voicegraft.model.upstream import Upstream
from voicegraft.pipeline import plugins


def padded(upstream: Upstream, margin_frames: int) -> nn.Module:
    """See the contract."""
    network = plugins.load("export.encoders", upstream.config["network"])
    return network.padded(upstream, margin_frames)
