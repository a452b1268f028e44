"""Encoders of transformers: any repository of the hub, at a revision."""

from voicegraft.fetching.checkpoints import Checkpoint, Layout

CHECKPOINTS: dict[str, Checkpoint] = {}
LAYOUT = Layout(("model.safetensors",), ("config.json", "preprocessor_config.json"))
