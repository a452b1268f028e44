"""Each class in turn unknown: which clips count where, and what the measures of confidence see."""

import numpy as np
import pytest
from labelled import QUICK
from scipy.special import logsumexp
from scored import grouped
from sklearn.linear_model import LogisticRegression

from voicegraft.studies.features import Clips
from voicegraft.studies.few_shot import MEASURES, C, cosine, energy, probability
from voicegraft.studies.leave_classes_out import deal, enough, leave_classes_out

CLASSES = ("a", "b", "c", "d", "e", "f")


def clips(seed, each=20, apart=3.0, size=12, classes=CLASSES):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, apart, (len(CLASSES), size))[: len(classes)]
    features = np.repeat(centres, each, 0) + rng.normal(0, 1, (each * len(classes), size))
    labels = np.repeat(classes, each).tolist()
    return Clips(features, labels, grouped(f"block{i % 30}" for i in range(len(labels))))


def sides(**of):
    return {"train": clips(1, **of), "dev": clips(2, **of), "test": clips(3, **of)}


def lines(sides, folds=3, most=0.05):
    found = leave_classes_out(sides, folds, most, QUICK)
    return {(line["split"], line["measure"]): line for line in found}


def test_classes_far_apart_are_refused_when_they_were_never_learnt():
    found = lines(sides(apart=6.0))
    assert {measure for _, measure in found} == set(MEASURES)
    test = found["test", "cosine"]
    assert test["equal_error_rate_high"] < 0.15 and test["accuracy_low"] > 0.7
    # Of two classes learnt, a linear model is the surer of one the further away a clip is.
    assert found["test", "probability"]["equal_error_rate_low"] > test["equal_error_rate_high"]


def test_features_that_say_nothing_refuse_known_and_unknown_alike():
    for line in lines(sides(apart=0.0)).values():
        assert line["equal_error_rate_low"] < 0.5 < line["equal_error_rate_high"] + 0.05


def test_every_clip_is_unknown_in_one_fold_and_on_dev_no_more_pass_than_may():
    found = lines(sides())
    assert {line["unknown_clips"] for line in found.values()} == {120}
    assert all(line["false_accept_rate"] <= 0.05 for (s, _), line in found.items() if s == "dev")


def test_what_is_learnt_is_neither_unknown_on_dev_nor_on_test(monkeypatch):
    learnt = []

    def watched(features, labels, others):
        learnt.append(set(labels))
        return cosine(features, labels, others)

    monkeypatch.setitem(MEASURES, "cosine", watched)
    list(leave_classes_out(sides(), 3, 0.05, QUICK))
    groups = deal(CLASSES, 3, QUICK.seed)
    assert learnt == [set(groups[(i + 1) % 3]) for i in range(3)]


def test_rates_are_those_of_a_loop_over_folds(monkeypatch):
    monkeypatch.setattr("voicegraft.studies.leave_classes_out.MEASURES", {"cosine": cosine})
    everything, groups = sides(apart=1.0), deal(CLASSES, 3, QUICK.seed)
    train, dev, test = (everything[name] for name in ("train", "dev", "test"))
    passed = found = known = 0
    for i in range(3):
        rest = groups[(i + 1) % 3]
        mask = np.isin(train.labels, rest)
        taught = train.features[mask], np.array(train.labels)[mask]
        strange = np.sort(cosine(*taught, dev.features)[1][np.isin(dev.labels, groups[i - 1])])
        limit = strange[-(int(0.05 * len(strange)) + 1)]
        predicted, confidence = cosine(*taught, test.features)
        passed += (confidence[np.isin(test.labels, groups[i])] > limit).sum()
        of_rest = np.isin(test.labels, rest)
        known += of_rest.sum()
        found += ((predicted == test.labels) & (confidence > limit) & of_rest).sum()
    line = lines(everything)["test", "cosine"]
    assert line["false_accept_rate"] == pytest.approx(passed / 120, abs=1e-4)
    assert line["accuracy"] == pytest.approx(found / known, abs=1e-4)


def test_groups_hold_every_class_once_and_the_seed_deals_them():
    groups = deal(CLASSES, 3, seed=1)
    assert sorted(name for group in groups for name in group) == list(CLASSES)
    assert groups == deal(list(CLASSES) * 5, 3, seed=1) != deal(CLASSES, 3, seed=3)


@pytest.mark.parametrize(("classes", "folds"), [(3, 3), (5, 3), (4, 5)])
def test_too_few_classes_are_refused(classes, folds):
    with pytest.raises(ValueError, match=f"{folds} groups of {classes} classes"):
        deal(CLASSES[:classes], folds, 1)


def test_a_dev_without_a_class_cannot_choose_and_the_error_names_the_class():
    with pytest.raises(ValueError, match="dev has no clip of"):
        lines(sides() | {"dev": clips(2, classes=CLASSES[:1])})


@pytest.mark.parametrize("classes", [2, 4])
def test_probability_and_energy_are_those_of_the_logits_of_one_logistic_regression(classes):
    known, others = clips(1, classes=CLASSES[:classes]), clips(2).features
    labels = np.array(known.labels)
    model = LogisticRegression(C=C, max_iter=1_000).fit(known.features, labels)
    weights = np.concatenate([-model.coef_, model.coef_]) / 2 if classes == 2 else model.coef_
    bias = np.append(-model.intercept_, model.intercept_) / 2 if classes == 2 else model.intercept_
    logits = others @ weights.T + bias
    classes_of, sure = energy(known.features, labels, others)
    assert sure == pytest.approx(logsumexp(logits, axis=1))
    assert classes_of.tolist() == model.predict(others).tolist()
    classes_of, sure = probability(known.features, labels, others)
    assert sure == pytest.approx(np.exp(logits.max(1) - logsumexp(logits, axis=1)))
    assert classes_of.tolist() == model.predict(others).tolist()


def test_the_cosine_falls_as_a_clip_turns_away_from_the_nearest_mean():
    features, labels = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array(["x", "y"])
    classes, sure = cosine(features, labels, np.array([[3.0, 0.0], [1.0, 1.0], [-1.0, -1.0]]))
    assert classes[0] == "x" and sure.tolist() == pytest.approx([1, 0.5**0.5, -(0.5**0.5)])


@pytest.mark.parametrize("folds", range(3, 10))
@pytest.mark.parametrize("classes", range(2, 12))
def test_classes_are_enough_just_where_they_can_be_dealt(classes, folds):
    names = [f"class{number}" for number in range(classes)]
    if enough(classes, folds):
        groups = deal(names, folds, seed=1)
        assert min(map(len, groups)) > 0
        for i, group in enumerate(groups):
            assert classes - len(group) - len(groups[i - 1]) >= 2
    else:
        with pytest.raises(ValueError, match="at least two classes must be left for training"):
            deal(names, folds, seed=1)
