"""Voices in features, the halves of shadows, and the verdict on what is found."""

import numpy as np
import pytest
from shifted import PARAMS

from voicegraft.privacy.committed import Committed
from voicegraft.privacy.drawn import halves, units_of
from voicegraft.privacy.findings import findings
from voicegraft.privacy.verdict import (
    CONTENT,
    MEMBERSHIP,
    NONE,
    UNTESTED,
    Finding,
    from_json,
    judge,
    to_json,
)
from voicegraft.privacy.voices import drawn_voices, identification, verification
from voicegraft.speech.manifest import Utterance


def clip(number, voice, split="train", session="s"):
    return Utterance(f"{voice}{number}", split, voice, session, 0, 16_000, "a")


CLIPS = [clip(k, f"v{voice}") for voice in range(6) for k in range(12)]
PLACE = np.repeat(np.arange(6), 12)


def features(apart):
    rng = np.random.default_rng(1)
    return apart * rng.normal(size=(6, 20))[PLACE] + rng.normal(size=(72, 20))


def test_voices_that_lie_apart_are_named_and_told_apart():
    assert identification(features(4.0), CLIPS, PARAMS)[0].value == 1
    assert verification(features(4.0), CLIPS, PARAMS)[0].value < 0.05


def test_where_no_voice_is_chance_is_inside_both_intervals():
    for measure in (identification, verification):
        found, chance = measure(features(0.0), CLIPS, PARAMS)
        assert found.low <= chance <= found.high


def test_voices_have_as_many_clips_as_are_wanted_or_are_left_out():
    clips = [clip(k, v) for v, n in (("few", 9), ("some", 12), ("many", 50)) for k in range(n)]
    found = [own.speaker for own in drawn_voices(clips, seed=1)]
    assert {voice: found.count(voice) for voice in set(found)} == {"some": 12, "many": 20}


def test_a_voice_on_one_side_is_dealt_as_a_whole_and_others_by_session():
    clips = [clip(0, "a", "train", "s1"), clip(1, "a", "test", "s2"), clip(2, "b", "unseen", "s1")]
    assert units_of(clips) == ["session s1", "session s2", "voice b"]


def test_two_shadows_share_out_all_units_and_no_unit_is_torn():
    names = [f"u{k % 7}" for k in range(70)]
    drawn = halves(names, 6, seed=1)
    assert (drawn[::2] ^ drawn[1::2]).all()
    assert all(len(set(row[k::7])) == 1 for row in drawn for k in range(7))
    assert len({row.tobytes() for row in drawn}) > 2


def test_the_worst_finding_decides_and_what_nobody_attacked_is_said():
    found = judge(
        [
            Finding("model:head", NONE, "x"),
            Finding("model:head", MEMBERSHIP, "y"),
            Finding("language model", CONTENT, "z"),
            Finding("language model", MEMBERSHIP, "w"),
        ]
    )
    assert [(line.subject, line.verdict, line.evidence) for line in found] == [
        ("model:head", MEMBERSHIP, "y"),
        ("adapter", UNTESTED, ""),
        ("embeddings", UNTESTED, ""),
        ("language model", CONTENT, "z"),
        ("committed files", UNTESTED, ""),
    ]
    assert from_json(to_json(found, 0.01)) == found


def test_of_a_corpus_with_one_voice_embeddings_are_not_attacked():
    lines = judge(findings({}, [], {}, Committed(0, 1, 0, 1, 0, 0), "head"))
    verdicts = {line.subject: line.verdict for line in lines}
    assert verdicts["embeddings"] == UNTESTED and verdicts["committed files"] == NONE


@pytest.mark.parametrize("wrong", [("modle", NONE), ("model", "leaks")])
def test_a_subject_or_verdict_that_there_is_not_is_refused(wrong):
    with pytest.raises(ValueError, match="subjects are"):
        judge([Finding(*wrong, "")])
