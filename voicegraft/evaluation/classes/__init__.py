"""Scores of classifiers: rates, calibration, and clips that belong to no known class."""
