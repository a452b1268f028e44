"""Audio through a frozen upstream, once, into the store."""
