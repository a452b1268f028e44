"""Correct a corpus by ear, on a page that this machine alone serves to itself."""
