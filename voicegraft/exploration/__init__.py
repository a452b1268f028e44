"""What stored states say of a corpus without training: its units, its map, its doubtful clips."""
