"""Error rates, their intervals, and where the errors lie."""
