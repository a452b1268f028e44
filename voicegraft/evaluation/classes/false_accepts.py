"""How often a recogniser that listens all day takes for a word what is none."""

from scipy.stats import chi2


def false_accepts_per_hour(
    hits: int, hours: float, confidence: float
) -> tuple[float, float, float]:
    """Return false accepts an hour, and the interval of their rate.

    The interval is Garwood's for a Poisson count (1936, https://doi.org/10.1093/biomet/28.3-4.437):
    after ten hours without a hit, up to 0.37 an hour are still possible.

    Args:
        hits: in recordings that hold none of the words; overlapping ones count once.
        hours: of those recordings.
        confidence: how often the interval should hold the truth, 0 to 1.

    Raises:
        ValueError: if there are no hours, or fewer hits than none.
    """
    if hours <= 0 or hits < 0:
        raise ValueError(f"false accepts need hours above 0 and hits from 0 on: {hits} in {hours}")
    tail = (1 - confidence) / 2
    low = chi2.ppf(tail, 2 * hits) / 2 if hits else 0.0
    high = chi2.ppf(1 - tail, 2 * (hits + 1)) / 2
    return hits / hours, float(low) / hours, float(high) / hours
