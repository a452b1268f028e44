"""Plug-ins: a head for texts each, named by `head.name`. Contract: voicegraft.model.head."""
