"""Plug-ins: the text decoder of an upstream that has one. Contract: voicegraft.model.attention."""
