"""Counting errors, against a plain Levenshtein distance and answers worked out by hand."""

from dataclasses import astuple

import numpy as np
import pytest

from voicegraft.evaluation.errors import (
    NOTHING,
    Errors,
    aligned_characters,
    confusion_rows,
    count_confusions,
    count_errors,
    rate,
)

CASES = [
    ("same", "same", Errors(4, 0, 1, 0)),
    ("one two three", "one two three four", Errors(13, 5, 3, 1)),
    ("one two three", "one three", Errors(13, 4, 3, 1)),
    ("two words", "twowords", Errors(9, 1, 2, 2)),  # the space is a character
    ("žluťoučký kůň", "zlutoucky kun", Errors(13, 6, 2, 2)),
    ("e\u0301", "\u00e9", Errors(1, 0, 1, 0)),  # composed and decomposed are one
    ("ẹ\u0300", "ẹ", Errors(2, 1, 1, 1)),  # Unicode has no such letter: the mark counts
    ("", "", Errors(0, 0, 0, 0)),
    ("", "a b", Errors(0, 3, 0, 2)),
    ("a b", "", Errors(3, 3, 2, 2)),
    (" edges ", "edges", Errors(5, 0, 1, 0)),
]


def distance(reference, hypothesis):
    """Levenshtein's recursion, a row at a time."""
    row = list(range(len(hypothesis) + 1))
    for i, actual in enumerate(reference, 1):
        above, row = row, [i]
        for j, predicted in enumerate(hypothesis, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (actual != predicted)))
    return row[-1]


def random_texts(count, rng):
    return ["".join(rng.choice(list("abcd "), rng.integers(1, 30))).strip() for _ in range(count)]


@pytest.mark.parametrize("reference, hypothesis, expected", CASES)
def test_known_cases_have_known_errors(reference, hypothesis, expected):
    assert count_errors(reference, hypothesis) == expected


def test_edits_are_the_levenshtein_distance():
    rng = np.random.default_rng(7)
    for reference, hypothesis in zip(random_texts(200, rng), random_texts(200, rng), strict=True):
        words, theirs = reference.split(), hypothesis.split()
        expected = (len(reference), distance(reference, hypothesis), len(words))
        assert astuple(count_errors(reference, hypothesis)) == (
            *expected,
            distance(words, theirs),
        )


def test_aligned_characters_are_as_many_as_edits():
    rng = np.random.default_rng(8)
    for reference, hypothesis in zip(random_texts(100, rng), random_texts(100, rng), strict=True):
        edits = list(aligned_characters(reference, hypothesis))
        assert len(edits) == count_errors(reference, hypothesis).character_edits
        assert all(actual != predicted for actual, predicted in edits)


def test_a_corpus_rate_is_a_ratio_of_sums_and_not_a_mean_of_rates():
    short, long = count_errors("a", "b"), count_errors("abcdefghi", "abcdefghi")
    edits = short.character_edits + long.character_edits
    assert rate(edits, short.characters + long.characters) == pytest.approx(0.1)


def test_a_rate_without_reference_is_finite():
    assert rate(0, 0) == 0
    assert rate(3, 0) == 3


def test_confusions_say_what_was_taken_for_what():
    counts = count_confusions([("kůň", "kun"), ("kůra", "kura"), ("ab", "a"), ("a", "a b")])
    assert counts == {("ů", "u"): 2, ("ň", "n"): 1, ("b", NOTHING): 1} | {
        (NOTHING, " "): 1,
        (NOTHING, "b"): 1,
    }


def test_a_few_confusions_have_a_row_each_and_a_space_can_be_seen():
    rows = confusion_rows(count_confusions([("a b", "ab"), ("c b", "cb"), ("k", "g")]))
    assert list(rows) == [("␣", NOTHING), ("␣", NOTHING), ("k", "g")]


def test_confusion_rows_hold_single_characters_and_stay_few():
    counts = {(chr(97 + i), chr(98 + i)): 1000 * (i + 1) for i in range(20)} | {("a", " "): 1}
    rows = list(confusion_rows(counts))
    assert 900 < len(rows) <= 1_020
    assert all(len(side) == 1 and not side.isspace() for row in rows for side in row)
    assert rows[0] == ("t", "u")
    assert rows.count(("t", "u")) == pytest.approx(2 * rows.count(("j", "k")), abs=2)
