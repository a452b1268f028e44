"""Units, and their agreement with names, against numbers worked by hand."""

import numpy as np
import pytest
from planted import states_of
from sklearn.metrics import normalized_mutual_info_score

from voicegraft.studies.exploration.neighbours import laid_out, outlier_factors
from voicegraft.studies.exploration.units import MEASURES, agreements, purity, standardised, units


def found(classes, apart, names=None):
    names = [f"n{k}" for k in classes] if names is None else names
    states = states_of(classes, apart)
    rows = agreements(("clips", "layer 1", "label"), states, names, [4], [1, 2, 3])
    return {row.measure: row for row in rows}


def test_purity_is_the_share_of_the_most_frequent_name_of_each_unit():
    assert purity(list("aabbbc"), np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(4 / 6)


def test_mutual_information_is_that_of_a_table_worked_by_hand():
    names, of = ["a", "a", "b", "b"], np.array([0, 1, 2, 2])
    assert MEASURES["nmi"](names, of) == pytest.approx(1)
    assert MEASURES["v_measure"](names, of) == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3))
    assert MEASURES["v_measure"](names, of) == pytest.approx(
        normalized_mutual_info_score(names, of, average_method="arithmetic")
    )


def test_classes_that_lie_apart_are_found_without_their_names():
    rows = found(np.arange(400) % 4, 30.0)
    assert all(row.value_high > 0.99 and row.chance < 0.5 for row in rows.values())
    assert all(row.value_low <= row.value <= row.value_high for row in rows.values())


def test_of_noise_the_agreement_is_that_of_chance_and_purity_is_far_from_zero():
    rows = found(np.arange(400) % 4, 0.0)
    for row in rows.values():
        assert row.value == pytest.approx(row.chance, abs=0.05)
    assert rows["purity"].chance > 0.25


def test_a_dimension_of_large_values_does_not_outweigh_the_others():
    classes = np.arange(400) % 4
    states = states_of(classes, 30.0)
    states[:, 0] = 1_000 * np.random.default_rng(1).normal(0, 1, 400)
    found = units(standardised(states), 4, seed=1)
    assert purity(classes, found) > 0.9 > 0.5 > purity(classes, units(states, 4, seed=1))


def test_standardised_states_keep_their_main_directions_in_order():
    states = np.random.default_rng(1).normal(0, [1, 50, 1, 1], (40, 4)) @ np.eye(4, 100)
    found = standardised(states)
    assert found.shape == (40, 40)
    assert (np.diff(found.var(0)) < 1e-9).all()


def test_more_units_than_states_are_as_many_as_there_are_states():
    assert set(units(np.eye(5), 9, seed=1)) <= set(range(5))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_units():
    states = states_of(np.arange(300) % 4, 1.0)
    assert units(states, 8, 1).tobytes() == units(states, 8, 1).tobytes()
    assert units(states, 8, 1).tobytes() != units(states, 8, 2).tobytes()
    assert laid_out(states, 1).tobytes() == laid_out(states, 1).tobytes()


def test_neighbours_on_the_map_are_of_one_class():
    classes = np.arange(120) % 3
    places = laid_out(states_of(classes, 20.0), seed=1)
    far = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(len(places))
    assert (classes[far.argmin(1)] == classes).mean() > 0.98


def test_two_clips_make_no_map():
    with pytest.raises(ValueError, match="at least three clips, not 2"):
        laid_out(np.eye(2), seed=1)


def test_a_clip_that_is_like_no_other_is_the_strangest():
    states = states_of(np.zeros(200, int), 0.0)
    states[17] += 12
    factors = outlier_factors(states)
    assert factors.argmax() == 17
    assert np.median(factors) == pytest.approx(1, abs=0.1)
    with pytest.raises(ValueError, match="no neighbours"):
        outlier_factors(states[:1])
