"""Exploration of a corpus by its stored states, without training."""
