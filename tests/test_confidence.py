"""Times and confidences of words."""

import numpy as np
import pytest
from spelling_emissions import LABELS, emission

from voicegraft.language.confidence import (
    Calibration,
    calibrated,
    correct,
    posteriors_of,
    word_spans,
)
from voicegraft.language.rescoring import Candidates

WEIGHTS = (1.0, 0.0, 0.0, 0.0, 0.0)


def test_a_posterior_is_the_share_of_texts_that_have_the_word_in_its_place():
    shares = np.array([0.5, 0.3, 0.2])
    features = np.column_stack([np.log(shares), *np.zeros((4, 3))])
    found = Candidates(["abba cede", "abba beře", "cede"], features)
    assert posteriors_of(found, WEIGHTS) == pytest.approx([0.8, 0.7])


def test_words_are_right_where_the_fewest_edits_keep_them():
    assert correct("abba cede abba", "cede abba").tolist() == [False, True, True]
    assert correct("", "abba").tolist() == []


def test_calibrated_confidences_are_right_as_often_as_they_say():
    rng = np.random.default_rng(1)
    posteriors = rng.uniform(0.3, 0.999, 4000)
    right = rng.random(4000) < posteriors**3  # a decoder that is too sure of itself
    confidences = calibrated(posteriors[:2000], right[:2000])(posteriors[2000:])
    for low in np.arange(0.1, 0.9, 0.2):
        own = (confidences >= low) & (confidences < low + 0.2)
        assert right[2000:][own].mean() == pytest.approx(confidences[own].mean(), abs=0.07)


def test_words_all_right_or_too_few_leave_confidences_as_they_are():
    posteriors = np.array([0.2, 0.9])
    for right in ([True] * 2, [True, False], []):
        found = calibrated(posteriors[: len(right)], np.array(right, bool))
        assert found == Calibration()
    assert Calibration()(posteriors) == pytest.approx(posteriors)


def test_a_word_lasts_from_its_first_letter_to_its_last():
    spans = word_spans("abba cede", emission("abba cede"), LABELS)
    frames = [(round(start * 18), round(end * 18)) for start, end in spans]
    assert [start for start, _ in frames] == [0, 10]
    assert all(
        end == pytest.approx(wanted, abs=1)
        for (_, end), wanted in zip(frames, (8, 18), strict=True)
    )


def test_words_stay_in_order_and_do_not_overlap():
    spans = word_spans("řada beře abba", emission("řada beře abba"), LABELS)
    assert [0.0, *np.ravel(spans), 1.0] == sorted([0.0, *np.ravel(spans), 1.0])


def test_a_text_that_the_frames_cannot_spell_takes_the_whole_clip():
    assert word_spans("abba cede", emission("ab"), LABELS) == [(0.0, 1.0)] * 2
    assert word_spans("", emission("ab"), LABELS) == []
