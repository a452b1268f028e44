"""Two revisions of a small repository, whose models differ by edits that were planted."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from committed import begin, commit, git
from scored import PARAMS, scores
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.evaluation.scores import write_scores
from voicegraft.review import comparison, markdown
from voicegraft.review import comparison as knobs
from voicegraft.review.pipelines import Gate, broken
from voicegraft.review.revisions import Revision, RevisionError, merge_base
from voicegraft.review.transcripts import word_diff

ROOT = Path(__file__).parent.parent


def test_a_word_diff_strikes_out_what_went_and_sets_what_came_in_bold():
    assert word_diff("to je ryba tu", "to ryba byla") == "to ~~je~~ ryba ~~tu~~ **byla**"
    assert word_diff("a b", "a b") == "a b"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with this project's params and two models, committed on main."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    begin(tmp_path)
    for model in ("head", "top3"):
        evaluate(tmp_path, model, scores())
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(folder, model, found):
    place = folder / "evaluation" / model
    place.mkdir(parents=True, exist_ok=True)
    write_scores(place / "utterances.csv", found)


def turn_a_knob(folder):
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("size_masks: 2", "size_masks: 3", 1), encoding="utf-8")


def compared(folder, old="HEAD"):
    return comparison.compare(Revision(folder, old), Revision(folder), PARAMS)


def test_what_lies_in_the_working_tree_is_set_against_what_git_holds(repository):
    evaluate(repository, "head", scores(rate=0.2, seed=2))
    found = compared(repository)
    assert {s.model: s.rates["cer"].verdict for s in found.splits} == {"head": "better"}
    assert found.unchanged == ["top3"]
    assert "- top3: the same errors on the same clips." in markdown.rendered(found, 0.95)


def test_knobs_that_were_turned_are_named_in_full_with_both_values(repository):
    turn_a_knob(repository)
    assert compared(repository).params == {"train_head.masking.size_masks": (2, 3)}
    assert "| `train_head.masking.size_masks` | 2 | 3 |" in markdown.rendered(
        compared(repository), 0.95
    )


def test_a_section_that_is_new_or_gone_stands_for_its_knobs():
    old = {"head": {"layer": 6}, "transfer": {"controls": []}}
    new = {"head": {"layer": 6, "name": "x"}, "lora": {"rank": 8, "masks": {"time": 1}}}
    assert knobs.changed(old, new) == {
        "head.name": ("absent", "x"),
        "transfer": ("1 knobs", "absent"),
        "lora": ("absent", "2 knobs"),
    }


def test_models_on_one_side_alone_are_named_and_not_compared(repository):
    shutil.rmtree(repository / "evaluation" / "top3")
    evaluate(repository, "full", scores())
    found = compared(repository)
    assert (found.only_old, found.only_new) == (["top3"], ["full"])
    assert found.unchanged == ["head"]
    assert "full: scored only at working tree." in markdown.rendered(found, 0.95)


def test_another_corpus_leaves_nothing_to_compare_and_the_review_reports_it(repository):
    evaluate(repository, "head", [replace(s, id=f"other/{s.id}") for s in scores()])
    found = compared(repository)
    assert found.incomparable == ["head"]
    assert "head: no common clips with the same reference" in markdown.rendered(found, 0.95)


def test_clips_that_differ_are_counted_and_left_out(repository):
    evaluate(repository, "head", scores()[5:] + scores(clips=3, split="unseen"))
    head = compared(repository).splits[0]
    assert (head.split, head.only_old, head.only_new) == ("test", 5, 0)
    assert head.rates["cer"].clips == len(scores()) - 5


def test_a_part_that_got_worse_under_a_whole_that_did_not_is_pointed_out(repository):
    changed = [
        replace(s, character_edits=max(0, s.character_edits + (6 if s.speaker == "voice1" else -9)))
        for s in scores()
    ]
    evaluate(repository, "head", changed)
    head = compared(repository).splits[0]
    assert head.rates["cer"].change < 0
    assert "voice1" in head.worse_slices
    assert "voice0" not in head.worse_slices
    assert "but on voice1 (120 clips) CER went from" in markdown.rendered(
        compared(repository), 0.95
    )


def test_single_clips_as_blocks_are_reported_to_make_the_interval_too_narrow(repository):
    evaluate(repository, "head", [replace(s, session="", speaker="") for s in scores()])
    assert "blocks are single clips" in markdown.rendered(compared(repository), 0.95)


def test_a_rise_beyond_the_rule_breaks_it_and_one_within_it_does_not(repository):
    evaluate(repository, "head", scores(rate=0.4, seed=2))
    found = compared(repository)
    assert [line[:25] for line in broken(found, Gate(cer=0.05, wer=1))] == [
        "head, test: CER rose by 1"
    ]
    assert list(broken(found, Gate(cer=0.5, wer=1))) == []


def test_a_rise_that_may_be_luck_breaks_no_rule(repository):
    evaluate(repository, "head", scores(rate=0.303, seed=2))
    assert list(broken(compared(repository), Gate(cer=0, wer=0))) == []


def test_the_command_passes_or_stops_by_the_gate(repository):
    run = CliRunner().invoke
    assert run(app, ["compare", "HEAD", "--gate"]).exit_code == 0
    evaluate(repository, "head", scores(rate=0.4, seed=2))
    assert run(app, ["compare", "HEAD"]).exit_code == 0
    stopped = run(app, ["compare", "HEAD", "--gate"])
    assert stopped.exit_code == 1
    assert "❌ worse" in stopped.output
    assert "compare.gate.cer allows 0.5" in stopped.output


def test_a_revision_that_git_does_not_know_or_without_evaluations_is_refused(repository):
    run = CliRunner().invoke
    assert "nowhere" in run(app, ["compare", "nowhere"]).output
    shutil.rmtree(repository / "evaluation")
    with pytest.raises(RevisionError, match="working tree has no evaluation"):
        compared(repository)


def test_the_default_is_where_main_was_left_and_on_main_the_commit_before(repository):
    first = Revision(repository, "HEAD").commit
    commit(repository)
    assert merge_base(repository) == first
    git(repository, "checkout", "--quiet", "-b", "branch")
    main = Revision(repository, "HEAD").commit
    commit(repository)
    assert merge_base(repository) == main


def test_seed_noise_is_reported_where_it_was_measured(repository):
    evaluate(repository, "head", scores(seed=2))
    path = repository / "evaluation" / "seeds" / "head" / "metrics.json"
    path.parent.mkdir(parents=True)
    rates = {"mean": 0.2, "deviation": 0.003, "lowest": 0.19, "highest": 0.21}
    path.write_text(json.dumps({"seeds": 5, "cer": rates, "wer": rates | {"deviation": 0.005}}))
    text = markdown.rendered(
        comparison.compare(Revision(repository, "HEAD"), Revision(repository), PARAMS), 0.95
    )
    assert "head: another seed changes CER by 0.30 and WER by 0.50 (standard" in text
    assert "the intervals include it" in text
    assert "was not measured" not in text


def audit(folder, verdict, **more):
    path = folder / "evaluation" / "privacy.json"
    path.write_text(json.dumps({"verdicts": {"model:head": [verdict, "AUC"]}} | more))


def test_what_a_project_gives_away_is_shown_for_both_revisions(repository):
    assert "gives away" not in markdown.rendered(compared(repository), 0.95)
    audit(repository, "leaks membership")
    absent = "| model:head | absent | leaks membership |"
    assert absent in markdown.rendered(compared(repository), 0.95)
    commit(repository)
    audit(repository, "leaks *content*")
    both = r"| model:head | leaks membership | leaks \*content\* |"
    assert both in markdown.rendered(compared(repository), 0.95)


def test_a_verdict_on_another_corpus_is_not_shown(repository):
    corpus = repository / "evaluation" / "corpus.json"
    corpus.write_text(json.dumps({"of": ["corpus:0123456789abcdef"]}))
    audit(repository, "leaks membership", of=["corpus:0000000000000000"])
    assert Revision(repository).privacy() == {}
    audit(repository, "leaks membership", of=["corpus:0123456789abcdef"])
    assert Revision(repository).privacy() == {"model:head": "leaks membership"}


def test_a_model_whose_seeds_were_not_tried_is_reported_to_have_no_seed_noise(repository):
    evaluate(repository, "head", scores(seed=2))
    text = markdown.rendered(compared(repository), 0.95)
    assert "- head: the variation by seed was not measured, so a small change may be" in text


def test_the_scores_of_other_seeds_are_no_model(repository):
    path = repository / "evaluation" / "seeds" / "head" / "utterances.csv"
    path.parent.mkdir(parents=True)
    write_scores(path, scores())
    commit(repository)
    assert (
        Revision(repository, "HEAD").models() == Revision(repository).models() == ["head", "top3"]
    )
