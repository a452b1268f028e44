"""Plug-ins: one pretrained encoder or control each. Contract: voicegraft.model.upstream."""
