"""Plug-ins: one corpus each, named by `corpus.name`. Contract: voicegraft.preparing.corpus."""
