"""Plug-ins: one decoder each, for zero_shot. Contract: voicegraft.studies.decoder."""
