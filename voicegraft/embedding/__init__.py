"""Encode audio with a frozen upstream, once, into the store."""
