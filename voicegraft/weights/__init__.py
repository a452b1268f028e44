"""Where pretrained weights come from, and the formats they come in."""
