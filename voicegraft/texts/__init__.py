"""Plug-ins: texts beyond the transcripts, by `language_model.texts`.

Contract: voicegraft.language.texts.
"""
