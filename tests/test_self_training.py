"""Which clips self-training learns from, and when what it learnt is thrown away."""

from dataclasses import replace

import pytest
from scored import PARAMS, scores

from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.self_training import PseudoLabel, parted
from voicegraft.studies.self_training_gains import error_of, gains, kept_model


def better_by(share: float, of: list) -> list:
    """The same clips with so many fewer edits."""
    return [replace(s, character_edits=round(s.character_edits * (1 - share))) for s in of]


def test_what_has_no_label_is_the_rest_of_train_and_never_a_clip_that_is_scored(corpus: Corpus):
    labelled, others = parted(corpus, 0.05, seed=1)
    assert sum(clip.seconds for clip in labelled) >= 3
    assert {c.id for c in labelled} | {c.id for c in others} == {c.id for c in corpus.of("train")}
    assert {c.id for c in labelled}.isdisjoint(c.id for c in others)
    assert {c.split for c in others} == {"train"}


def test_where_no_clip_is_left_without_a_label_the_knob_is_named(corpus: Corpus):
    with pytest.raises(ValueError, match="self_train.labelled_minutes: all leaves no clip"):
        parted(corpus, "all", seed=1)
    with pytest.raises(ValueError, match="self_train.labelled_minutes: there are .* not 60"):
        parted(corpus, 60.0, seed=1)


def test_a_student_that_is_surely_better_than_all_that_learnt_from_labels_alone_is_kept():
    old = scores()
    alone = {"teacher": old, "longer": better_by(0.05, old)}
    assert kept_model(alone, better_by(0.3, old), PARAMS) == "student"


def test_a_student_that_is_no_better_is_rolled_back_to_the_better_of_the_others():
    teacher, student = scores(seed=1), scores(seed=2)
    worse = better_by(-0.3, teacher)
    assert kept_model({"teacher": teacher, "longer": worse}, student, PARAMS) == "teacher"
    assert kept_model({"teacher": worse, "longer": teacher}, student, PARAMS) == "longer"


def test_a_gain_that_longer_training_brings_as_well_is_no_gain():
    old = scores()
    longer = better_by(0.3, old)
    assert kept_model({"teacher": old, "longer": longer}, longer, PARAMS) == "longer"


def test_a_gain_has_its_interval_and_is_below_zero_where_errors_are_fewer():
    old = scores()
    found = gains({"teacher": old}, better_by(0.5, old), PARAMS)["teacher"]["cer"]
    assert found["low"] < found["change"] < found["high"] < 0
    assert found["new"] == pytest.approx(found["old"] / 2, abs=0.01)
    assert found["verdict"] == "better"


class Judged:
    """What `error_of` asks of a trainer: an objective that counts texts predictions wrongly."""

    bare = objective = property(lambda self: self)

    def rates(self, wanted: list[Utterance], predictions: list[str]) -> dict[str, float]:
        wrong = sum(clip.text != text for clip, text in zip(wanted, predictions, strict=True))
        return {"cer": wrong / len(wanted)}


def test_pseudo_labels_are_judged_by_the_clips_whose_truth_is_known_alone():
    clips = [Utterance(name, "train", "", "", 0, 1, text) for name, text in ("xa", "yb", "z ")]
    truth = [replace(clip, text=clip.text.strip()) for clip in clips]
    predictions = [PseudoLabel(clip, text, 0.5) for clip, text in zip(clips, "aaa", strict=True)]
    assert error_of(Judged(), predictions, truth) == 0.5
    assert error_of(Judged(), predictions, [replace(clip, text="") for clip in clips]) is None
