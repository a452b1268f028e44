"""Plug-ins: an upstream for padded batches each, by its name. Contract: voicegraft.export.waveform."""
