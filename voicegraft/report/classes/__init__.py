"""What the page shows of classifiers alone: classes, calibration, few clips, refusal."""
