"""Wrong labels that were planted among invented states."""

import numpy as np
import pytest
from planted import CLASSES, clip, found_in_first_tenth, mislabelled, states_of
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from voicegraft.studies.exploration.labels import Judged, judge, judgeable
from voicegraft.studies.exploration.suspects import label_suspects


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_label_errors_stand_in_the_first_tenth_of_the_list(seed) -> None:
    classes, labels, wrong = mislabelled(600, 0.05, seed)
    judged = judge(states_of(classes, 5.0), labels, seed=1)
    assert found_in_first_tenth(np.argsort(judged.confidence), wrong) >= 0.8


def test_of_states_that_say_nothing_the_first_tenth_finds_a_tenth() -> None:
    classes, labels, wrong = mislabelled(600, 0.3, 1)
    judged = judge(states_of(classes, 0.0), labels, seed=1)
    assert found_in_first_tenth(np.argsort(judged.confidence), wrong) == pytest.approx(0.1, abs=0.1)


def test_the_label_that_is_suggested_is_the_true_one() -> None:
    classes, labels, wrong = mislabelled(600, 0.05, 1)
    judged = judge(states_of(classes, 8.0), labels, seed=1)
    assert (judged.suggested[wrong] == classes[wrong]).mean() > 0.9
    likely = np.flatnonzero(judged.likely_wrong)
    assert np.isin(likely, wrong).mean() > 0.9
    assert np.isin(wrong, likely).mean() > 0.75


def test_a_clip_is_judged_by_what_was_fitted_on_others() -> None:
    classes, labels, _ = mislabelled(60, 0.1, 1)
    states = states_of(classes, 3.0)
    judged = judge(states, labels, seed=4)
    given = np.unique(labels, return_inverse=True)[1]
    rest, held_out = next(StratifiedKFold(5, shuffle=True, random_state=4).split(states, given))
    scale = StandardScaler().fit(states[rest])
    fitted = LogisticRegression(C=0.01, max_iter=500).fit(
        scale.transform(states[rest]), given[rest]
    )
    expected = fitted.predict_proba(scale.transform(states[held_out]))
    np.testing.assert_allclose(judged.probabilities[held_out], expected, atol=1e-6)


def test_the_confident_joint_is_that_of_an_example_worked_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.45, 0.55], [0.3, 0.7]])
    judged = Judged(np.array(["a", "b"]), np.array([0, 0, 0, 1, 1]), probabilities)
    # Clips that bear a have it by 0.6 on average, those of b by 0.625: clip 2 reaches b.
    assert judged.likely_wrong.tolist() == [False, False, True, False, False]
    assert judged.confidence.tolist() == [0.9, 0.7, 0.2, 0.55, 0.7]
    assert judged.loss(np.array([True, False, False, False, True])) == pytest.approx(
        -(np.log(0.9) + np.log(0.7)) / 2
    )


def test_suspects_come_with_the_least_confidence_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5]])
    judged = Judged(np.array(["a", "b"]), np.array([0, 0, 1]), probabilities)
    clips = [clip(i, label=label) for i, label in enumerate("aab")]
    first, *others = label_suspects(clips, judged)
    assert (first.id, first.label, first.suggested) == ("clip1", "a", "b")
    assert (first.confidence, first.suggested_confidence) == (0.25, 0.75)
    assert [other.id for other in others] == ["clip2", "clip0"]


def test_a_label_of_few_clips_is_not_judged_and_a_single_label_is_refused() -> None:
    assert judgeable(["a"] * 5 + ["b"] * 4) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="fewer than two labels have 5 clips"):
        judge(np.zeros((5, 2)), ["a"] * 5, seed=1)


def test_the_same_seed_gives_the_same_bytes() -> None:
    classes, labels, _ = mislabelled(90, 0.05, 1)
    states = states_of(classes, 2.0)
    once, again = (judge(states, labels, seed=1).probabilities for _ in range(2))
    assert once.tobytes() == again.tobytes()
    assert set(CLASSES) == set(judge(states, labels, seed=1).names)
