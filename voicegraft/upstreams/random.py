"""Another upstream's network with random weights: the control for its architecture.

A gain over it comes from pretraining, not from depth, width or attention (see the random encoders
of Conneau et al. 2018, https://aclanthology.org/P18-1198).
"""

import torch

from voicegraft.model import upstream as upstreams
from voicegraft.model.upstream import Config, Upstream

SEED = 1
TINY = {"network": "whisper", "seed": SEED, **upstreams.plugin("whisper").TINY}


def build(config: Config) -> Upstream:
    """Return the network with random weights by its seed."""
    inner = {name: value for name, value in config.items() if name not in ("network", "seed")}
    with torch.random.fork_rng():
        torch.manual_seed(config["seed"])
        upstream = upstreams.plugin(config["network"]).build(inner)
    upstream.config = config
    return upstream


def beside(name: str, upstream: Upstream) -> Config:
    """See the contract."""
    return {"network": name, "seed": SEED, **upstream.config}
