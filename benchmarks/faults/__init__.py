"""What the pipeline does when a machine, a disk, a network or a person gets in its way."""
