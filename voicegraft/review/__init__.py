"""Is this revision better than that one, beyond luck: what a reviewer of a pull request asks."""
