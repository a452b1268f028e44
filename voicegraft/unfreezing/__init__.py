"""Plug-ins: a way to unfreeze each. Contract: voicegraft.model.unfreezing."""
