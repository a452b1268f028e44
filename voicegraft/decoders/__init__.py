"""Plug-ins: a decoder each, of zero_shot. Contract: voicegraft.studies.decoder."""
