"""Plug-ins: a corpus each, named by `corpus.name`. Contract: voicegraft.preparing.corpus."""
