"""Plug-ins: classifiers, named by `head.name`. Contract: voicegraft.model.classifier."""
