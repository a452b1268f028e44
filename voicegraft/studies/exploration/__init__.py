"""A corpus seen through its stored states, without training."""
