"""Calibration, against a loop over bins and models whose calibration is known."""

import numpy as np
import pytest
from labelled import QUICK, class_scores, clip
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as sklearns_log_loss

from voicegraft.evaluation.classes.calibration import (
    beliefs,
    bin_sums,
    calibration_error,
    calibration_lines,
    error_by_chance,
)
from voicegraft.evaluation.classes.scores import score_classes
from voicegraft.speech.manifest import Utterance


def by_hand(confidence, correct):
    """Guo et al.'s formula, bin by bin."""
    total, clips = 0.0, len(confidence)
    for low in np.arange(10) / 10:
        last = low > 0.85
        within = (confidence >= low) & ((confidence < low + 0.1 - 1e-12) | last)
        if within.any():
            total += within.sum() / clips * abs(correct[within].mean() - confidence[within].mean())
    return total


def test_the_error_is_that_of_the_formula():
    rng = np.random.default_rng(3)
    confidence = np.append(rng.random(200), [0.0, 1.0])
    correct = rng.random(202) < confidence**2
    found = calibration_error(bin_sums(confidence, correct).sum(0))
    assert found == pytest.approx(by_hand(confidence, correct))


def test_a_model_that_is_always_sure_and_half_right_is_wrong_by_half():
    assert calibration_error(bin_sums([1.0] * 10, [1, 0] * 5).sum(0)) == pytest.approx(0.5)


def test_a_calibrated_model_has_the_error_that_chance_gives_it():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.4, 1, 150)
    errors = [
        calibration_error(bin_sums(confidence, rng.random(150) < confidence).sum(0))
        for _ in range(300)
    ]
    assert error_by_chance(confidence, seed=1) == pytest.approx(np.mean(errors), rel=0.08)
    assert np.mean(errors) > 0.03


def test_overconfidence_that_was_planted_is_far_above_chance():
    sure = [clip(i, "a", "a" if i % 2 else "b", 0.95) for i in range(200)]
    found = beliefs(sure, QUICK)
    assert found["calibration_error"] == pytest.approx(0.45, abs=0.001)
    assert found["calibration_error_low"] > 0.35 > found["calibration_error_by_chance"]


def test_log_loss_is_that_of_scikit_learn_over_the_classes_that_were_learnt():
    rng, classes = np.random.default_rng(5), ["a", "b", "c"]
    logits = rng.normal(0, 2, (60, 3))
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    labels = [*rng.choice(classes, 57), "new", "new", "new"]
    clips = [Utterance(f"c{i}", "test", "", "", 0, 16_000, "", n) for i, n in enumerate(labels)]
    found = beliefs(score_classes(clips, classes, log_p), QUICK)
    expected = sklearns_log_loss(labels[:57], np.exp(log_p[:57]), labels=classes)
    assert found["log_loss"] == pytest.approx(expected, abs=1e-4)
    assert found["log_loss_low"] < expected < found["log_loss_high"]


def test_the_lines_of_the_diagram_hold_every_clip_once_and_no_empty_bin():
    scores = class_scores() + class_scores(split="unseen", clips=100)
    lines = list(calibration_lines(scores, QUICK))
    assert [line["split"] for line in lines] == ["test"] * 5 + ["unseen"] * 5
    assert sum(line["clips"] for line in lines) == 340
    for line in lines:
        assert 0.5 <= line["confidence"] <= 1
        assert line["accuracy_low"] <= line["accuracy"] <= line["accuracy_high"]


def test_a_line_of_the_diagram_is_that_of_scikit_learn():
    scores = class_scores()
    right, confidence = [s.correct for s in scores], [s.probability for s in scores]
    theirs = calibration_curve(right, confidence, n_bins=10)
    lines = list(calibration_lines(scores, QUICK))
    for name, expected in zip(("accuracy", "confidence"), theirs, strict=True):
        assert [line[name] for line in lines] == pytest.approx(expected, abs=1e-4)
