"""Search over settings: grids of DVC experiments, and successive halving of heads."""
