"""Check a folder before any stage: what it is, what is in it, what params.yaml should say."""
