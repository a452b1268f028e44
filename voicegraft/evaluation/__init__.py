"""How many errors a model makes, how sure that number is, and where the errors lie."""
