"""Few clips of each class to learn from: draws, rates and intervals, on invented features."""

from dataclasses import replace

import numpy as np
import pytest
from labelled import QUICK
from scored import grouped
from sklearn.metrics import accuracy_score, f1_score

from voicegraft.embedding.choice import View
from voicegraft.studies.features import Clips
from voicegraft.studies.few_shot import by_discriminants, draw, few_shot, rarest

CLASSES = np.array(["flat", "rise", "fall"])


def clips(seed, each=40, apart=1.0, size=8):
    """Clouds around a centre for each class, in ten blocks."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, apart, (3, size))
    labels = np.repeat(CLASSES, each)
    features = np.repeat(centres, each, 0) + rng.normal(0, 1, (3 * each, size))
    return Clips(features, labels, grouped(f"block{i % 10}" for i in range(3 * each)))


def run(train, test, classify=by_discriminants, shots=(1, 5, 10), draws=20):
    return few_shot(train, test, classify, shots, draws, QUICK)


def test_more_shots_tell_classes_better_apart():
    one, five, ten = run(clips(1), clips(2))
    assert [line["shots"] for line in (one, five, ten)] == [1, 5, 10]
    assert one["accuracy_high"] < five["accuracy"] < ten["accuracy_high"]
    for line in (one, five, ten):
        assert line["accuracy_low"] < line["accuracy"] < line["accuracy_high"]
        assert line["macro_f1_low"] < line["macro_f1"] < line["macro_f1_high"]


def test_means_are_those_of_scikit_learn_over_the_draws():
    train, test, found = clips(1), clips(2), []

    def remember(taught, others):
        assert sorted(taught.labels) == sorted([*CLASSES] * 5)
        found.append(by_discriminants(taught, others))
        return found[-1]

    (line,) = run(train, test, remember, shots=(5,), draws=7)
    assert len(found) == 7
    accuracy = np.mean([accuracy_score(test.labels, one) for one in found])
    f1 = np.mean([f1_score(test.labels, one, average="macro") for one in found])
    assert (line["accuracy"], line["macro_f1"]) == pytest.approx((accuracy, f1), abs=1e-4)


def test_the_interval_holds_both_kinds_of_luck():
    """Draws that all are alike leave that of the test clips; one test block, that of the draws."""
    train, test = clips(1), clips(2)
    (noisy,) = run(train, test, shots=(1,))
    (steady,) = run(
        train,
        test,
        lambda _, others: by_discriminants(train, others),
        shots=(1,),
    )
    width = [line["accuracy_high"] - line["accuracy_low"] for line in (noisy, steady)]
    assert width[0] > width[1] > 0.02


def test_features_that_say_nothing_are_at_chance():
    (line,) = run(clips(1, apart=0), clips(2, apart=0), shots=(5,))
    assert line["accuracy_low"] < 1 / 3 < line["accuracy_high"]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    assert run(clips(1), clips(2)) == run(clips(1), clips(2))
    other = QUICK.model_copy(update={"seed": 2})
    assert few_shot(clips(1), clips(2), by_discriminants, [1], 20, other) != run(
        clips(1), clips(2), shots=[1]
    )


def test_a_draw_has_as_many_of_each_class_and_none_twice():
    labels = ["b"] * 3 + ["a"] * 9
    for seed in range(20):
        places = draw(labels, 3, np.random.default_rng(seed))
        assert len(set(places)) == 6
        assert sorted(labels[i] for i in places) == ["a"] * 3 + ["b"] * 3


def test_the_rarest_class_is_the_one_with_the_fewest_clips():
    assert rarest(["b"] * 3 + ["a"] * 9 + ["c"] * 3) == ("b", 3)


def test_the_drawn_clips_choose_the_view_that_tells_their_classes_apart():
    train, test = clips(1, apart=2.0), clips(2, apart=2.0)
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, 1, of.features.shape) for of in (train, test)]
    views = [View(0, "mean", np.arange(8)), View(1, "mean", np.arange(8, 16))]
    sides = [
        replace(of, features=np.hstack([more, of.features]), views=views)
        for of, more in zip((train, test), noise, strict=True)
    ]
    (one, five), (alone,) = run(*sides, shots=(1, 5)), run(train, test, shots=(5,))
    assert five["accuracy"] > alone["accuracy"] - 0.05
    # One clip of each class leaves nothing to choose by, and the first view is but noise.
    assert one["accuracy_low"] < 1 / 3 < one["accuracy_high"]
