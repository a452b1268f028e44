"""Areas, rates and likelihood ratios by other means; attacks on invented losses."""

import numpy as np
import pytest
from shifted import CLIPS, PARAMS, clips, losses_by, member, shadows
from sklearn.metrics import roc_auc_score, roc_curve

from voicegraft.privacy.attacks import CURVE, LEVELS, Audit, Pools
from voicegraft.privacy.curve import points
from voicegraft.privacy.likelihood_ratio import Shadow, confidence, offline, online
from voicegraft.privacy.roc import Roc

RNG = np.random.default_rng(1)
SCORES = RNG.integers(0, 40, 300) / 10.0
MEMBER = RNG.random(300) < 0.4
WEIGHTS = RNG.integers(0, 4, (5, 300)).astype(float)


def test_the_area_is_that_of_scikit_learn_with_ties_and_weights():
    assert Roc(SCORES, MEMBER).auc()[0] == pytest.approx(roc_auc_score(MEMBER, SCORES))
    wanted = [roc_auc_score(MEMBER, SCORES, sample_weight=w) for w in WEIGHTS]
    assert Roc(SCORES, MEMBER).auc(WEIGHTS) == pytest.approx(wanted)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5])
def test_members_found_are_the_most_that_scikit_learns_curve_has_at_a_rate(rate):
    for weights in WEIGHTS:
        false, true, _ = roc_curve(MEMBER, SCORES, sample_weight=weights, drop_intermediate=False)
        (found,) = Roc(SCORES, MEMBER).true_positives(rate, weights[None])
        assert found == pytest.approx(true[false <= rate + 1e-12].max())


def test_the_equal_error_rate_of_two_normal_scores_is_that_of_their_distance():
    scores = np.r_[RNG.normal(2, 1, 40_000), RNG.normal(0, 1, 40_000)]
    (found,) = Roc(scores, np.arange(80_000) < 40_000).equal_errors()
    assert found == pytest.approx(0.1587, abs=0.005)  # the normal distribution function at -1


def test_the_equal_error_rate_of_few_scores_is_where_the_curve_crosses():
    for weights in WEIGHTS:
        false, true, _ = roc_curve(MEMBER, SCORES, sample_weight=weights, drop_intermediate=False)
        best = np.abs(false - (1 - true))[1:].argmin() + 1
        (found,) = Roc(SCORES, MEMBER).equal_errors(weights[None])
        assert found == pytest.approx((false[best] + 1 - true[best]) / 2)


def test_a_resample_without_members_has_no_area():
    assert np.isnan(Roc(SCORES, MEMBER).auc(np.where(MEMBER, 0.0, 1.0)[None])).all()


def test_the_confidence_is_the_log_odds_of_a_symbol():
    assert confidence(-np.log([0.5, 0.9])) == pytest.approx([0, np.log(9)])


def test_a_clip_is_compared_with_shadows_by_whether_they_trained_on_it():
    own = np.array([0.5, 0.5])
    known = [Shadow(np.array([True, False]), np.array([0.2, 0.8])),
             Shadow(np.array([False, False]), np.array([0.9, 1.0]))]  # fmt: skip
    c = confidence
    assert offline(own, known) == pytest.approx([c(0.5) - c(0.9), c(0.5) - (c(0.8) + c(1.0)) / 2])
    wanted = (c(0.5) - c(0.9)) ** 2 - (c(0.5) - c(0.2)) ** 2
    assert online(own, known)[0] == pytest.approx(wanted)
    assert np.isnan(online(own, known)[1])


def attacks(learnt, shift, level="clip"):
    losses = losses_by(member(), learnt, shift, seed=1)
    found = Audit(clips(), shadows(learnt, shift), PARAMS).of_model(losses, member(), level)
    return {attack.name: attack for attack in found}


@pytest.mark.parametrize("level", ["clip", "session"])
def test_what_was_learnt_is_found_beyond_the_control(level):
    found = attacks(learnt=0.4, shift=0.0, level=level)
    assert found["lira_offline"].auc.value > 0.95
    assert found["lira_offline"].succeeds


def test_the_curve_of_a_model_rises_from_few_false_positives_to_many():
    losses = losses_by(member(), 0.4, 0.0, seed=1)
    audit = Audit(clips(), shadows(0.4, 0.0), PARAMS)
    attacks = [a for level in LEVELS for a in audit.of_model(losses, member(), level)]
    curve = list(points({"head": attacks}))
    assert [point.false_positives for point in curve] == list(CURVE)
    found = [point.true_positives for point in curve]
    assert found == sorted(found) and found[-1] > 0.95
    assert all(p.true_positives_low <= p.true_positives <= p.true_positives_high for p in curve)


def test_sides_that_differ_before_training_are_not_taken_for_membership():
    found = attacks(learnt=0.0, shift=0.6)
    assert found["loss"].auc.low > 0.8
    assert not any(attack.succeeds for attack in found.values())
    assert found["loss"].control.value == pytest.approx(found["loss"].auc.value, abs=0.05)


def test_shadows_help_where_some_clips_are_harder_than_others():
    found = attacks(learnt=0.2, shift=0.0)
    assert found["lira_offline"].auc.value > found["loss"].auc.value + 0.1


@pytest.mark.parametrize("level", ["clip", "speaker"])
@pytest.mark.parametrize(("learnt", "succeeds"), [(0.3, True), (0.0, False)])
def test_a_recipe_is_attacked_by_members_that_were_drawn(learnt, succeeds, level):
    audit = Audit(clips(), shadows(learnt, 0.6, count=4), PARAMS)
    found = {attack.name: attack for attack in audit.of_recipe(level)}
    assert found["lira_offline"].succeeds == succeeds
    assert found["lira_offline"].control is None


def test_a_session_of_both_sides_is_neither_and_a_score_is_the_mean_of_its_clips():
    pools = Pools.by("session", clips())
    assert len(pools.things) == 24
    mixed = np.arange(CLIPS) < CLIPS // 2
    assert np.isnan(pools.all_of(mixed)).all()
    scores = np.where(np.arange(CLIPS) < 24, np.nan, 2.0)
    assert pools.mean(scores) == pytest.approx(2.0)
