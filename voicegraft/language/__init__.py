"""Language models: estimation, files, texts, and their separation from scored sentences."""
