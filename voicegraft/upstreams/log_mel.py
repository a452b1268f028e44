"""Log-mel frames: the control from which nothing is transferred.

What recognisers heard before there was pretraining, and the row that benchmarks of pretrained
models are anchored to (FBANK in SUPERB, Yang et al. 2021, https://arxiv.org/abs/2105.01051).
"""

from voicegraft.model.log_mel import BINS, LogMel
from voicegraft.model.upstream import Config, Upstream

TINY = {"bins": 40}


def build(config: Config) -> LogMel:
    """See the contract."""
    return LogMel(**config)


def beside(name: str, upstream: Upstream) -> Config:  # noqa: ARG001 - the same beside any
    """See the contract."""
    return {"bins": BINS}
