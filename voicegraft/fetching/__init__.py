"""Where weights and corpora come from: every download is checked by its hash."""
