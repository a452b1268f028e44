"""How much scores vary by the seed alone, which no interval over test clips knows of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from voicegraft.evaluation.label_efficiency import Run
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.summary import DECIMALS


def variation(runs: Sequence[Run]) -> dict[str, Any]:
    """Return mean, standard deviation, lowest and highest of each rate, over two runs or more."""
    found: dict[str, Any] = {"seeds": len(runs)}
    for metric in Score.RATES:
        rates = np.array([run.rate(metric) for run in runs])
        values = {
            "mean": rates.mean(),
            "deviation": rates.std(ddof=1),
            "lowest": rates.min(),
            "highest": rates.max(),
        }
        found[metric] = {name: round(float(value), DECIMALS) for name, value in values.items()}
    return found
