"""Clips of no class, against scikit-learn's ROC curve and planted ones."""

import numpy as np
import pytest
from labelled import QUICK, class_scores, clip
from pydantic import ValidationError
from scipy.optimize import brentq
from scipy.stats import poisson
from sklearn.metrics import roc_curve

from voicegraft.cli.false_accepts import false_accepts_per_hour
from voicegraft.evaluation.classes.detection import (
    accepted,
    equal_error_rate,
    false_accepts,
    false_rejects,
    found,
    threshold,
    thresholds,
)
from voicegraft.evaluation.classes.open_set import (
    CURVE,
    OpenSet,
    check_unknown,
    open_set_metrics,
    open_set_rows,
)

KNOBS = OpenSet(unknown_labels=["noise"], max_false_accepts=0.01)


def confidences(known=80, unknown=60, seed=3):
    rng = np.random.default_rng(seed)
    confidence = np.concatenate([rng.beta(6, 2, known), rng.beta(3, 3, unknown)])
    is_unknown = np.arange(known + unknown) >= known
    return confidence, is_unknown, rng.random(known + unknown) < 0.9


def test_rates_at_every_threshold_are_those_of_scikit_learns_roc_curve():
    confidence, unknown, right = confidences()
    limits = thresholds(confidence)
    counts = accepted(confidence, unknown, right, limits).sum(0)
    false, true, theirs = roc_curve(~unknown, confidence, drop_intermediate=False)
    # Theirs accept from a threshold on, ours above it: our next threshold is their last.
    assert limits.tolist() == theirs[1:].tolist()
    assert false_accepts(counts) == pytest.approx(false)
    assert 1 - false_rejects(counts) == pytest.approx(true)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_equal_error_rate_is_where_scikit_learns_curve_crosses(seed):
    confidence, unknown, right = confidences(seed=seed)
    counts = accepted(confidence, unknown, right, thresholds(confidence)).sum(0)
    false, true, _ = roc_curve(~unknown, confidence, drop_intermediate=False)
    expected = brentq(lambda x: 1 - x - np.interp(x, false, true), 0, 1)
    assert equal_error_rate(counts) == pytest.approx(expected, abs=0.01)
    both = equal_error_rate(np.stack([counts, counts]))
    assert both.tolist() == [equal_error_rate(counts)] * 2


def test_perfect_separation_has_no_equal_error_and_none_at_all_has_half():
    unknown = np.array([False] * 5 + [True] * 5)
    apart = np.where(unknown, 0.1, 0.9)
    for confidence, expected in ((apart, 0), (np.full(10, 0.5), 0.5), (1 - apart, 1)):
        counts = accepted(confidence, unknown, ~unknown, thresholds(confidence)).sum(0)
        assert equal_error_rate(counts) == pytest.approx(expected)


def test_many_clips_are_thinned_to_thresholds_that_tell_the_same():
    confidence, unknown, right = confidences(known=3_000, unknown=3_000)
    limits = thresholds(confidence)
    assert len(limits) <= 200 and (np.diff(limits) < 0).all()
    counts = accepted(confidence, unknown, right, limits).sum(0)
    false, true, _ = roc_curve(~unknown, confidence)
    expected = brentq(lambda x: 1 - x - np.interp(x, false, true), 0, 1)
    assert equal_error_rate(counts) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(("most", "passing"), [(0.0, 0), (0.01, 3), (0.5, 150)])
def test_above_the_threshold_lie_as_many_unknown_clips_as_may_pass(most, passing):
    unknown = np.random.default_rng(1).random(300)
    chosen = threshold(unknown, most)
    assert (unknown > chosen).sum() == passing
    assert (unknown >= chosen).sum() == passing + 1


def test_a_share_that_floats_cannot_hold_is_meant_as_it_is_written():
    unknown = np.random.default_rng(1).random(100)
    assert 0.29 * 100 < 29
    assert (unknown > threshold(unknown, 0.29)).sum() == 29


def test_clips_that_tie_with_the_threshold_do_not_pass():
    assert threshold([0.9, 0.9, 0.9, 0.1], 0.25) == 0.9


def planted(split, seed, unknown_at=0.6):
    """Known clips of 0.5 to 1, and unknown ones of which a tenth lies above `unknown_at`."""
    rng = np.random.default_rng(seed)
    noise = [
        clip(5_000 + i, "noise", "dip", float(p), session=f"session{i % 20}", split=split)
        for i, p in enumerate(rng.uniform(unknown_at - 0.45, unknown_at + 0.05, 200))
    ]
    return class_scores(seed=seed, split=split) + noise


def test_the_threshold_is_chosen_on_dev_and_test_only_counts_what_passes():
    dev, test = planted("dev", 7), planted("test", 8)
    ((split, result),) = open_set_metrics(dev + test, KNOBS, QUICK).items()
    noise = sorted((s.probability for s in dev if s.label == "noise"), reverse=True)
    assert (split, result["threshold"]) == ("test", noise[2])
    passed = [s for s in test if s.probability > noise[2]]
    false = sum(s.label == "noise" for s in passed) / 200
    right = sum(s.correct for s in passed) / 240
    assert result["false_accept_rate"] == pytest.approx(false, abs=1e-4)
    assert result["accuracy"] == pytest.approx(right, abs=1e-4)
    assert result["accuracy_low"] < right < result["accuracy_high"]
    assert (result["known_clips"], result["unknown_clips"]) == (240, 200)
    assert (
        open_set_metrics(dev + planted("test", 9, 0.9), KNOBS, QUICK)["test"]["threshold"]
        == (noise[2])
    )


def test_noise_that_sounds_like_classes_costs_more_of_them():
    easy, hard = (
        open_set_metrics(planted("dev", 7, at) + planted("test", 8, at), KNOBS, QUICK)["test"]
        for at in (0.5, 0.8)
    )
    assert hard["accuracy_high"] < easy["accuracy_low"]
    assert hard["equal_error_rate_low"] > easy["equal_error_rate_high"]


def test_what_the_model_itself_calls_unknown_passes_no_threshold():
    taught = [clip(i, "noise", "noise", 0.99, split=s) for s in ("dev", "test") for i in range(9)]
    known = [clip(50 + i, "dip", "noise" if i % 2 else "dip", 0.8) for i in range(10)]
    result = open_set_metrics(taught + known, KNOBS, QUICK)["test"]
    assert (result["threshold"], result["false_accept_rate"], result["accuracy"]) == (0, 0, 0.5)
    # Clopper and Pearson for 0 of 9: nine clips show little.
    assert result["false_accept_rate_high"] == pytest.approx(1 - 0.025 ** (1 / 9), abs=1e-4)


def test_the_curve_falls_to_the_accuracy_that_no_threshold_gives():
    scores = planted("dev", 7) + planted("test", 8)
    rows = [dict(zip(CURVE, row, strict=True)) for row in open_set_rows(scores, KNOBS, QUICK)]
    assert {row["split"] for row in rows} == {"test"}
    limits = [row["threshold"] for row in rows]
    assert limits == sorted(limits, reverse=True)
    assert [rows[0][name] for name in ("false_accept_rate", "accuracy")] == [0, 0]
    right = sum(s.correct for s in scores if s.split == "test") / 240
    assert rows[-1]["accuracy"] == pytest.approx(right, abs=0.01)
    for row in rows:
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]


def test_without_unknown_labels_there_is_no_open_set():
    none = OpenSet(unknown_labels=[], max_false_accepts=0.01)
    scores = class_scores(split="dev") + class_scores()
    check_unknown(none, scores)
    assert open_set_metrics(scores, none, QUICK) == {}
    assert list(open_set_rows(scores, none, QUICK)) == []


def test_unknown_labels_that_cannot_be_meant_are_refused():
    known = class_scores(split="dev") + class_scores()
    with pytest.raises(ValueError, match="no clip has the label 'noise'.*dip, fall, flat, rise"):
        check_unknown(KNOBS, known)
    with pytest.raises(
        ValueError, match="dev, where the threshold is chosen, has no clip of noise"
    ):
        check_unknown(KNOBS, known + [clip(1, "noise", "dip")])
    with pytest.raises(ValueError, match="no known clip is left"):
        check_unknown(KNOBS, [clip(1, "noise", "dip", split="dev"), clip(2, "noise", "dip")])
    with pytest.raises(ValidationError, match="max_false_accepts"):
        OpenSet(unknown_labels=[], max_false_accepts=1.0)


@pytest.mark.parametrize("hits", [0, 1, 7])
def test_false_accepts_per_hour_have_the_exact_interval_of_a_poisson_count(hits):
    rate, low, high = false_accepts_per_hour(hits, 10, 0.95)
    assert rate == hits / 10
    assert poisson.cdf(hits, 10 * high) == pytest.approx(0.025)
    if hits:
        assert poisson.sf(hits - 1, 10 * low) == pytest.approx(0.025)
    else:
        assert (low, high) == (0, pytest.approx(0.3689, abs=1e-4))


def test_false_accepts_need_hours():
    with pytest.raises(ValueError, match="hours must be above 0"):
        false_accepts_per_hour(3, 0, 0.95)


def test_what_is_found_is_known_and_accepted_and_right():
    confidence, unknown = np.array([0.9, 0.8, 0.3, 0.9]), np.array([False, False, False, True])
    right = np.array([True, False, True, True])
    counts = accepted(confidence, unknown, right, np.array([0.5])).sum(0)
    assert found(counts).tolist() == pytest.approx([1 / 3, 2 / 3])
