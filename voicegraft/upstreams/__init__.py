"""Plug-ins: a pretrained encoder or a control each. Contract: voicegraft.model.upstream."""
