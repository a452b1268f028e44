"""Recordings: their audio, their line in the manifest, and how they can be degraded."""
