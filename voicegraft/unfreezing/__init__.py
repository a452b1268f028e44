"""Plug-ins: one way to unfreeze each. Contract: voicegraft.model.unfreezing."""
