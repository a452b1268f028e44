"""A clip: its audio, its text, its line in the manifest, its side of the split."""
