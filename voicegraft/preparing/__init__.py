"""From a corpus as it comes to checked, normalised and split utterances."""
