"""Texts or labels that changed between two revisions, under hypotheses that did not."""

from dataclasses import replace

import numpy as np
from labelled import clip
from scored import PARAMS

from voicegraft.evaluation.scores import COLUMNS, parse_scores, reference_mark, score, write_scores
from voicegraft.review.comparison import Comparison, compare_model
from voicegraft.review.markdown import rendered
from voicegraft.review.rates import paired, same_errors
from voicegraft.review.transcripts import rewordings
from voicegraft.speech.manifest import Utterance

WORDS = ("Praha", "je", "krásná", "Brno", "také", "ryba")
CLIPS = 200


def utterances(case=str, clips=CLIPS):
    """Clips of six words each, in 20 sessions; every fifth has no capital letter."""
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS, 6)) for _ in range(clips)]
    texts = [text.lower() if n % 5 == 0 else text for n, text in enumerate(texts)]
    return [
        Utterance(f"c{n}", "test", f"voice{n % 4}", f"session{n % 20}", 0, 16_000, case(text))
        for n, text in enumerate(texts)
    ]


def scored(case=str):
    """What one model makes of the clips, always the same, in lower case."""
    clips = utterances(case)
    return score(clips, [u.text.lower().replace("ryba", "riba") for u in clips], None)


def compared(old, new):
    (split,) = compare_model("head", old, new, PARAMS)
    return split


def test_keeping_the_case_of_the_texts_makes_the_same_hypotheses_no_worse():
    old, new = scored(str.lower), scored()
    changed = sum(u.text != u.text.lower() for u in utterances())
    split = compared(old, new)
    assert split.rates["cer"].verdict == "indistinguishable"
    assert split.rates["cer"].clips == CLIPS - changed
    assert (split.changed_references, split.only_old, split.only_new) == (changed, 0, 0)


def test_the_comparison_says_of_how_many_clips_the_reference_changed():
    split = compared(scored(str.lower), scored())
    text = rendered(Comparison("old", "new", {}, [split], [], []), 0.95)
    assert (
        f"- head, test: {split.changed_references} clips are left out, because their reference "
        "has changed." in text
    )


def test_a_label_that_changed_is_counted_and_its_clip_left_out():
    old = [clip(n, "rise" if n < 9 else "dip", "dip", session=f"s{n % 10}") for n in range(60)]
    new = [replace(s, label="dip") for s in old]
    split = compared(old, new)
    assert (split.changed_references, split.rates["error_rate"].clips) == (9, 51)


def test_a_text_of_another_length_is_a_changed_reference_and_no_clip_that_came_or_went():
    old = scored()
    new = [replace(s, characters=s.characters + (s.id == "c3")) for s in old]
    found = paired(old, new)
    assert (found.changed_references, found.only_old, found.only_new) == (1, 0, 0)
    assert [s.id for s in found.new] == [s.id for s in old if s.id != "c3"]


def test_scores_from_before_references_were_marked_are_paired_by_their_lengths():
    new = scored()
    before = [replace(s, reference="") for s in scored(str.lower)]
    assert paired(before, new).changed_references == 0
    assert len(paired(before, new).new) == CLIPS


def test_a_model_that_errs_as_it_did_is_unchanged_although_the_old_table_has_no_marks():
    new = scored()
    assert same_errors([replace(s, reference="") for s in new], new)
    assert not same_errors(scored(str.lower), new)


def test_a_table_without_the_column_is_read(tmp_path):
    found = scored()
    write_scores(tmp_path / "utterances.csv", found)
    table = (tmp_path / "utterances.csv").read_text(encoding="utf-8")
    assert parse_scores(table) == found
    assert COLUMNS[-1] == "reference"
    old = "\n".join(line.rpartition(",")[0] for line in table.splitlines()) + "\n"
    assert parse_scores(old) == [replace(s, reference="") for s in found]


def test_a_mark_has_sixteen_bits_which_other_sentences_share_by_chance():
    marks = [reference_mark("c1", f"sentence {n}") for n in range(400_000)]
    assert {len(mark) for mark in marks} == {4}
    expected = 400_000 / 2**16
    assert expected / 3 < marks.count(marks[0]) < 4 * expected
    assert len(set(marks)) > 0.99 * 2**16


def test_the_same_sentence_in_two_clips_has_two_marks():
    marks = {reference_mark(f"c{n}", "to je ono") for n in range(100)}
    assert len(marks) > 90


def test_transcripts_are_shown_of_clips_whose_reference_is_the_same():
    before = {"a": ("to je ryba", "to je riba"), "b": ("praha", "praha"), "c": ("je", "je")}
    after = {"a": ("to je ryba", "to je ryba"), "b": ("Praha", "prah"), "c": ("je", "je")}
    assert [(r.clip, r.old_edits, r.new_edits) for r in rewordings(before, after)] == [("a", 1, 0)]
