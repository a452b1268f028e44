"""The difference in macro-F1 of two classifiers on the same clips."""

from dataclasses import replace

import numpy as np
import pytest
from labelled import QUICK, class_scores
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from voicegraft.evaluation.classes.f1 import counts_of, f1_difference, macro_f1


@pytest.fixture
def old():
    return class_scores(right=0.6, clips=400)


def mended(scores, every):
    """Return the clips with every so many of the wrong ones made right."""
    wrong = [s.id for s in scores if not s.correct][::every]
    return [replace(s, predicted=s.label) if s.id in wrong else s for s in scores]


def test_it_is_the_difference_that_scikit_learn_finds(old):
    new = mended(old, 3)
    found = f1_difference(old, new, QUICK)
    before, after = (
        f1_score([s.label for s in of], [s.predicted for s in of], average="macro")
        for of in (old, new)
    )
    assert (found.old, found.new) == pytest.approx((before, after))
    assert (found.clips, found.blocks, found.unit) == (400, 20, "session")


def test_its_interval_agrees_with_scipys_bootstrap_over_blocks(old):
    new = mended(old, 5)
    sums = [
        np.array([counts_of([s for s in of if s.block == b]).sum(0) for b in sessions(of)])
        for of in (old, new)
    ]
    places = np.arange(len(sums[0]))

    def change(drawn):
        before, after = (macro_f1(of[drawn].sum(0)) for of in sums)
        return after - before

    expected = bootstrap(
        (places,), change, vectorized=False, method="percentile", n_resamples=4_000, rng=1
    ).confidence_interval
    found = f1_difference(old, new, QUICK)
    # Ours is the wider by what few blocks ask for.
    assert found.low == pytest.approx(expected.low, abs=0.02) and found.low < expected.low + 0.005
    assert found.high == pytest.approx(expected.high, abs=0.02)


def sessions(scores):
    return sorted({s.block for s in scores})


def test_pairs_are_surer_than_two_models_by_themselves(old):
    few = [replace(s, predicted=s.label) if n % 40 == 0 else s for n, s in enumerate(old)]
    found = f1_difference(old, few, QUICK)
    assert found.high - found.low < 0.05


def test_more_is_better_and_less_is_worse(old):
    new = mended(old, 2)
    better, worse = f1_difference(old, new, QUICK), f1_difference(new, old, QUICK)
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.change == pytest.approx(-worse.change) and better.change > 0
    assert (better.probability_better, worse.probability_better) == (1, 0)
    assert f1_difference(old, old, QUICK).verdict == "indistinguishable"
