"""One page to look at after `dvc repro`: scores, curves, confusions, and clips to listen to."""
