"""An HTML report of the results of `dvc repro`: scores, curves, confusions, clips to listen to."""
