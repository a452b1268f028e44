"""Plug-ins: upstreams for padded batches, by name. Contract: voicegraft.export.waveform."""
