"""Sections of the report for classifiers: classes, calibration, few-shot, the unknown class."""
