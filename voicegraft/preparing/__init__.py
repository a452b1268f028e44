"""Prepare a corpus: checks, normalised text, splits."""
