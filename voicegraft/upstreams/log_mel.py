"""Log-mel frames: the control without pretraining.

The input of recognisers before pretraining, and the baseline in benchmarks of pretrained models
(FBANK in SUPERB, Yang et al. 2021, https://arxiv.org/abs/2105.01051).
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
