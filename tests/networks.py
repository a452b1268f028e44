"""A small network of every kind that the upstreams can be, found by the folder of upstreams."""

from bundles import KINDS, bundle
from transformers_encoders import ENCODERS

from voicegraft.model import upstream as upstreams
from voicegraft.upstreams import wav2vec2

VARIANTS = {
    "huggingface": {
        kind: {"normalised": True, "encoder": {"model_type": model_type, **settings}}
        for kind, (model_type, settings) in ENCODERS.items()
    },
    "wav2vec2": {kind: wav2vec2._config(bundle(kind)) for kind in KINDS},
}
"""Of upstreams that are several kinds of network; of any other, TINY is the one there is."""


def every_kind() -> dict[str, tuple[str, upstreams.Config]]:
    """Return upstreams and configs, by a name to print."""
    return {
        f"{upstream} {kind}".strip(): (upstream, config)
        for upstream in upstreams.names()
        for kind, config in VARIANTS.get(upstream, {"": upstreams.plugin(upstream).TINY}).items()
    }


def with_blocks() -> dict[str, tuple[str, upstreams.Config]]:
    """Return those that have a block to unfreeze."""
    return {
        name: (upstream, config)
        for name, (upstream, config) in every_kind().items()
        if upstreams.plugin(upstream).build(config).blocks
    }
