"""Download weights and corpora; every download is checked by its hash."""
