"""Make `python -m voicegraft.cli` the same as `voicegraft`."""

from voicegraft.cli import app

app()
