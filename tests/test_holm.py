"""Many verdicts at once, against Holm's definition written out."""

import numpy as np

from voicegraft.evaluation.paired import sure_of


def holm(p_values, alpha):
    """Return which are rejected: the k-th smallest of m needs p below alpha / (m - k + 1)."""
    rejected = set()
    order = np.argsort(p_values)
    for place, which in enumerate(order):
        if p_values[which] >= alpha / (len(p_values) - place):
            break
        rejected.add(int(which))
    return rejected


def test_the_verdicts_that_stay_are_those_of_holms_procedure():
    rng = np.random.default_rng(1)
    for _ in range(300):
        p_values = rng.beta(0.3, 3, size=rng.integers(1, 12))
        sure = sure_of(range(len(p_values)), lambda i, at, p=p_values: p[i] < 1 - at, 0.95)
        assert set(sure) == holm(p_values, 0.05)


def test_twenty_slices_without_a_difference_rarely_show_one():
    rng, loud = np.random.default_rng(2), 0
    for _ in range(1_000):
        p_values = rng.random(20)
        loud += bool(sure_of(range(20), lambda i, at, p=p_values: p[i] < 1 - at, 0.95))
    assert loud / 1_000 < 0.08
