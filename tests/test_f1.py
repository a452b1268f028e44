"""Precision, recall and F1 from counts, against scikit-learn and a loop over resamples."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from voicegraft.evaluation.blocks import Blocks
from voicegraft.evaluation.classes.f1 import accuracy, class_counts, f1, macro_f1, precision, recall
from voicegraft.evaluation.interval import percentile_interval, resampled_sums

CLASSES = ["a", "b", "c", "d"]


def answers(clips=300, seed=2, right=0.7):
    rng = np.random.default_rng(seed)
    actual = rng.choice(CLASSES, clips, p=[0.5, 0.3, 0.15, 0.05])
    guess = rng.choice([*CLASSES, "never there"], clips)
    return actual, np.where(rng.random(clips) < right, actual, guess)


def test_every_rate_is_that_of_scikit_learn():
    actual, predicted = answers()
    counts = class_counts(actual, predicted, CLASSES).sum(0)
    theirs = precision_recall_fscore_support(actual, predicted, labels=CLASSES, zero_division=0)
    for ours, reference in zip((precision, recall, f1), theirs[:3], strict=True):
        assert ours(counts) == pytest.approx(reference)
    assert counts[1].tolist() == theirs[3].tolist()
    assert macro_f1(counts) == pytest.approx(theirs[2].mean())
    assert accuracy(counts) == pytest.approx(accuracy_score(actual, predicted))


def test_a_class_that_is_never_predicted_has_no_precision_and_no_f1_and_counts_all_the_same():
    counts = class_counts(["a", "a", "b"], ["a", "a", "a"], ["a", "b"]).sum(0)
    assert precision(counts).tolist() == pytest.approx([2 / 3, 0])
    assert f1(counts).tolist() == pytest.approx([0.8, 0])
    assert macro_f1(counts) == pytest.approx(0.4)


def test_resampled_macro_f1_is_that_of_scikit_learn_on_each_resample():
    actual, predicted = answers(clips=40)
    blocks = np.array([f"block{i % 8}" for i in range(40)])
    names = sorted(set(blocks))
    per_block = np.stack(
        [class_counts(actual, predicted, CLASSES)[blocks == name].sum(0) for name in names]
    )
    drawn = np.random.default_rng(5).multinomial(8, [1 / 8] * 8, size=50)
    ours = macro_f1(np.tensordot(drawn, per_block, 1))
    for times, found in zip(drawn, ours, strict=True):
        taken = np.concatenate(
            [
                np.flatnonzero(blocks == name)
                for name, n in zip(names, times, strict=True)
                if n
                for _ in range(n)
            ]
        )
        there = sorted(set(actual[taken]))
        expected = f1_score(
            actual[taken], predicted[taken], labels=there, average="macro", zero_division=0
        )
        assert found == pytest.approx(expected)


def test_drawing_blocks_that_are_alike_as_one_leaves_the_chances_as_they_are():
    actual, predicted = answers(clips=60)
    counts = class_counts(actual, predicted, CLASSES).reshape(60, -1)
    clips = Blocks("utterance", (tuple(map(str, range(60))),))
    ours = macro_f1(resampled_sums(counts, clips, 20_000, seed=1).reshape(-1, 3, 4))
    rng = np.random.default_rng(7)
    one_by_one = np.stack([counts[rng.integers(60, size=60)].sum(0) for _ in range(20_000)])
    expected = macro_f1(one_by_one.reshape(-1, 3, 4))
    quantiles = [2.5, 25, 50, 75, 97.5]
    assert np.percentile(ours, quantiles) == pytest.approx(
        np.percentile(expected, quantiles), abs=0.006
    )


def test_a_resample_draws_as_many_blocks_as_there_are():
    counts = np.eye(6)[:, :2]  # two blocks of their own, and four that are alike
    drawn = resampled_sums(
        np.column_stack([counts, np.ones(6)]), Blocks("session", (tuple("abcdef"),)), 500, seed=1
    )[0]
    assert (drawn[:, 2] == 6).all()
    assert drawn.mean(0) == pytest.approx([1, 1, 6], abs=0.15)


def speakers(count, rng, clips=40):
    """Counts, (speakers, 3, classes), of speakers who are each confused in their own way."""
    usual = np.full((4, 4), 0.1) + 0.6 * np.eye(4)
    found = []
    for _ in range(count):
        own = np.stack([rng.dirichlet(2 * row) for row in usual])
        table = np.stack([rng.multinomial(clips // 4, row) for row in own])
        found.append(np.stack([np.diag(table), table.sum(1), table.sum(0)]))
    return np.array(found, float)


def test_the_interval_of_macro_f1_over_speakers_covers_the_truth_as_often_as_it_says():
    rng, names, hits = np.random.default_rng(6), Blocks("speaker", (tuple("abcdefghij"),)), 0
    truth = macro_f1(speakers(4_000, rng).sum(0))
    for seed in range(150):
        drawn = resampled_sums(speakers(10, rng).reshape(10, -1), names, 300, seed)
        low, high = percentile_interval(macro_f1(drawn.reshape(-1, 3, 4)), 0.95, 10)
        hits += low <= truth <= high
    assert 0.9 <= hits / 150 <= 0.99
