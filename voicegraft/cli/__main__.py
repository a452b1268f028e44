"""`python -m voicegraft.cli` is `voicegraft`."""

from voicegraft.cli import app

app()
