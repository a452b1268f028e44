"""How well a model tells classes apart: rates, calibration, few shots, and clips of no class."""
