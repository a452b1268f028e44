"""Studies of a corpus or a trained model; each has a script in studies/."""
