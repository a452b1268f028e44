"""Compare the scores of two revisions, with intervals, for a pull request."""
