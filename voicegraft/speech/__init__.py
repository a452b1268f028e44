"""Recordings: audio, the manifest, degradation."""
