"""Questions that a person may ask of a trained pipeline; each has a script in studies/."""
