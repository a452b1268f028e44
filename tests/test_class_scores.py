"""Scores of a classifier clip by clip, and what is summed up of them."""

import math

import numpy as np
import pytest
from labelled import CLASSES, QUICK, class_scores, clip
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, classification_report, f1_score

from voicegraft.evaluation.classes.f1 import counts_of, macro_f1
from voicegraft.evaluation.classes.scores import (
    parse_class_scores,
    score_classes,
    write_class_scores,
)
from voicegraft.evaluation.classes.summary import (
    class_metrics,
    metrics,
    slice_metrics,
    summarise,
)
from voicegraft.speech.manifest import Utterance

LOG_P = np.log([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])


def utterance(number, label, split="test", session=""):
    return Utterance(f"{split}/{number}", split, "ann", session, 0, 16_000, "secret words", label)


def test_a_clip_is_of_the_likeliest_class_and_its_loss_is_that_of_its_own():
    first, second = score_classes([utterance(1, "a"), utterance(2, "b")], list("abc"), LOG_P)
    assert (first.predicted, first.correct, first.probability) == ("a", 1, 0.7)
    assert (second.predicted, second.correct, second.probability) == ("c", 0, 0.6)
    assert second.loss == pytest.approx(-math.log(0.3), abs=1e-6)


def test_a_class_that_the_model_lacks_is_an_error_of_infinite_loss_and_a_floor():
    scores = score_classes([utterance(1, "new"), utterance(2, "b")], list("abc"), LOG_P)
    assert (scores[0].errors, scores[0].loss, scores[0].trained) == (1, math.inf, False)
    found = metrics(scores, QUICK)["test"]
    assert (found["untrained_classes"], found["untrained_floor"]) == (1, 0.5)


def test_scores_come_back_from_their_file_as_they_were(tmp_path):
    clips = [utterance(i, "new" if i == 3 else "a", session=f"s{i}") for i in range(6)]
    scores = score_classes(clips, list("abc"), np.tile(LOG_P, (3, 1)))
    write_class_scores(tmp_path / "u.csv", scores)
    text = (tmp_path / "u.csv").read_text(encoding="utf-8")
    assert parse_class_scores(text) == scores
    assert "secret" not in text and text.splitlines()[0].endswith(",correct")


def test_a_clip_without_a_label_and_one_without_numbers_are_refused_by_name():
    with pytest.raises(ValueError, match="test/1 has no label"):
        score_classes([utterance(1, "")], list("abc"), LOG_P[:1])
    with pytest.raises(ValueError, match="test/2: the model emits NaN"):
        score_classes([utterance(2, "a")], list("abc"), LOG_P[:1] * math.nan)


def test_accuracy_and_macro_f1_are_those_of_scikit_learn():
    scores = class_scores()
    actual, predicted = [s.label for s in scores], [s.predicted for s in scores]
    found = summarise(scores, QUICK)
    assert found["accuracy"] == pytest.approx(accuracy_score(actual, predicted), abs=1e-4)
    assert found["macro_f1"] == pytest.approx(
        f1_score(actual, predicted, average="macro"), abs=1e-4
    )
    assert (found["clips"], found["blocks"], found["block_unit"]) == (240, 20, "session")


def test_the_interval_of_macro_f1_agrees_with_scipys_bootstrap_over_blocks():
    scores = class_scores()
    blocks = np.array([s.block for s in scores])
    groups = np.stack([counts_of(scores)[blocks == f"session{i}"].sum(0) for i in range(20)])

    def statistic(drawn, axis):
        assert axis == -1
        return macro_f1(groups[drawn.astype(int)].sum(-3))

    theirs = bootstrap(
        (np.arange(20),), statistic, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    ours = summarise(scores, QUICK)
    # Ours is expanded by Student's t for 20 blocks, which is 10 % of its width.
    assert ours["macro_f1_low"] == pytest.approx(theirs.low, abs=0.012)
    assert ours["macro_f1_high"] == pytest.approx(theirs.high, abs=0.012)


def test_a_difference_that_was_planted_lies_outside_the_other_interval():
    good, bad = (summarise(class_scores(right=r), QUICK) for r in (0.9, 0.6))
    assert good["accuracy_low"] > bad["accuracy_high"]
    assert good["macro_f1_low"] > bad["macro_f1_high"]


def test_without_an_error_the_interval_has_a_width():
    found = summarise([clip(i, CLASSES[i % 4], CLASSES[i % 4]) for i in range(100)], QUICK)
    # Clopper and Pearson: 0.025 ** (1 / 100)
    assert (found["accuracy_low"], found["accuracy_high"]) == pytest.approx((0.9638, 1), abs=1e-4)
    assert found["macro_f1_low"] < 1


def test_the_commonest_class_is_what_every_accuracy_is_held_against():
    scores = [clip(i, "a" if i % 4 else "b", "a") for i in range(40)]
    found = metrics(scores, QUICK)["test"]
    assert (found["accuracy"], found["majority"], found["classes"]) == (0.75, 0.75, 2)
    assert found["macro_f1"] == pytest.approx(0.4286, abs=1e-4)


def test_the_table_of_classes_is_scikit_learns_report():
    scores = class_scores()
    theirs = classification_report(
        [s.label for s in scores], [s.predicted for s in scores], output_dict=True
    )
    lines = list(class_metrics(scores, QUICK))
    assert [line["class"] for line in lines] == sorted(CLASSES)
    for line in lines:
        expected = theirs[line["class"]]
        assert line["precision"] == pytest.approx(expected["precision"], abs=1e-4)
        assert line["recall"] == pytest.approx(expected["recall"], abs=1e-4)
        assert line["f1"] == pytest.approx(expected["f1-score"], abs=1e-4)
        assert line["clips"] == expected["support"]
        assert line["recall_low"] < line["recall"] < line["recall_high"]


def test_one_session_says_nothing_of_how_a_class_fares_in_others():
    scores = class_scores() + [
        clip(1_000 + i, "rare", "rare" if i % 2 else "dip", session="session3") for i in range(6)
    ]
    (rare,) = (line for line in class_metrics(scores, QUICK) if line["class"] == "rare")
    assert (rare["recall"], rare["clips"], rare["trained"]) == (0.5, 6, 1)
    assert rare["recall_low"] < 0.01 and rare["recall_high"] > 0.99


def test_slices_of_a_split_add_up_to_it():
    scores = class_scores()
    whole, parts = metrics(scores, QUICK)["test"], slice_metrics(scores, QUICK)
    for kind in ("seconds", "speaker"):
        groups = [part for part in parts if part["kind"] == kind]
        assert sum(part["clips"] for part in groups) == whole["clips"]
        right = sum(part["accuracy"] * part["clips"] for part in groups)
        assert right == pytest.approx(whole["accuracy"] * 240, abs=0.1)
