"""The bootstrap, against data whose true rate is known."""

import numpy as np
import pytest
from scipy import stats
from scored import grouped

from voicegraft.evaluation.interval import percentile_interval, resampled_rates

TRUE_RATE = 0.2
SPEAKERS, CLIPS_EACH, CHARACTERS = 40, 10, 30


def simulated_corpus(rng):
    """Clips whose rate varies more between speakers than within one."""
    rates = rng.beta(4, 16, SPEAKERS)  # mean 0.2, standard deviation 0.087
    edits = rng.binomial(CHARACTERS, np.repeat(rates, CLIPS_EACH))
    speakers = np.repeat([f"s{i}" for i in range(SPEAKERS)], CLIPS_EACH)
    return edits, np.full(len(edits), CHARACTERS), speakers


def coverage(blocks_of, corpora=250):
    """Return in what share of simulated corpora the 95 % interval holds the true rate."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(corpora):
        edits, reference, speakers = simulated_corpus(rng)
        blocks = grouped(blocks_of(speakers))
        (rates,) = resampled_rates(edits, reference, blocks, 300, seed=1)
        low, high = percentile_interval(rates, 0.95, blocks.count)
        hits += low <= TRUE_RATE <= high
    return hits / corpora


def test_the_interval_over_speakers_covers_the_truth_as_often_as_it_says():
    assert 0.90 <= coverage(lambda speakers: speakers) <= 0.98


def test_the_interval_over_single_clips_is_too_narrow():
    assert coverage(lambda speakers: np.arange(len(speakers)).astype(str), corpora=60) < 0.85


def test_an_interval_leaves_out_the_same_share_on_both_sides():
    rates = np.arange(101) / 100
    assert percentile_interval(rates, 0.9, blocks=10**6) == pytest.approx((0.05, 0.95), abs=1e-4)
    low, high = percentile_interval(rates, 0.9, blocks=5)
    assert low + high == pytest.approx(1)
    assert high - low > 0.95


@pytest.mark.parametrize("blocks", [5, 13])
def test_few_blocks_are_expanded_to_students_interval_of_a_mean(blocks):
    values = np.random.default_rng(blocks).normal(size=blocks)
    rates = np.random.default_rng(1).normal(values.mean(), values.std() / blocks**0.5, 400_000)
    expected = stats.t.interval(0.95, blocks - 1, values.mean(), stats.sem(values))
    assert percentile_interval(rates, 0.95, blocks) == pytest.approx(expected, abs=0.02)


def test_resamples_agree_with_a_loop_over_blocks():
    edits, reference, blocks = [1, 2, 30, 4], [10, 10, 40, 20], ["b", "a", "b", "c"]
    rng = np.random.default_rng(3)
    drawn = rng.choice(3, (20_000, 3))
    sums = np.array([(2, 10), (31, 50), (4, 20)])[drawn].sum(axis=1)  # of a, b and c
    expected = np.percentile(sums[:, 0] / sums[:, 1], [5, 50, 95])
    rates = resampled_rates(edits, reference, grouped(blocks), 20_000, seed=3)
    assert np.percentile(rates, [5, 50, 95]) == pytest.approx(expected, abs=0.01)


def test_the_same_seed_gives_the_same_rates_and_another_seed_others():
    edits, reference, speakers = simulated_corpus(np.random.default_rng(5))
    rates = resampled_rates(edits, reference, grouped(speakers), 250, seed=1)
    assert rates.shape == (1, 250)
    assert np.array_equal(rates, resampled_rates(edits, reference, grouped(speakers), 250, seed=1))
    assert not np.array_equal(
        rates, resampled_rates(edits, reference, grouped(speakers), 250, seed=2)
    )


def test_the_order_of_clips_changes_nothing():
    rng = np.random.default_rng(6)
    edits, reference, speakers = simulated_corpus(rng)
    order = rng.permutation(len(edits))
    shuffled = resampled_rates(
        edits[order], reference[order], grouped(speakers[order]), 250, seed=1
    )
    assert np.array_equal(
        shuffled, resampled_rates(edits, reference, grouped(speakers), 250, seed=1)
    )


def test_a_uniformly_better_model_is_better_in_every_paired_resample():
    edits, reference, speakers = simulated_corpus(np.random.default_rng(9))
    worse = resampled_rates(edits + 1, reference, grouped(speakers), 500, seed=1)
    better = resampled_rates(edits, reference, grouped(speakers), 500, seed=1)
    assert worse - better == pytest.approx(np.full((1, 500), 1 / CHARACTERS))


def test_blocks_without_a_reference_do_not_divide_by_zero():
    assert np.isfinite(resampled_rates([1, 0], [0, 0], grouped("ab"), 100, seed=1)).all()
