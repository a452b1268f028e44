"""What a change does to classifiers: their pipeline by itself, and beside that of texts."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from committed import begin, commit
from labelled import clip
from scored import scores
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.evaluation.classes.scores import write_class_scores
from voicegraft.evaluation.scores import write_scores
from voicegraft.pipeline.params import load_params
from voicegraft.review.pipelines import CompareClasses
from voicegraft.review.revisions import Revision
from voicegraft.review.transcripts import reclassified

ROOT = Path(__file__).parent.parent
LABELS = ("flat", "rise", "dip", "fall")


def answers(wrong=0):
    """Clips of four classes, of which the first so many are taken for the next class."""
    return [
        clip(n, LABELS[n % 4], LABELS[(n + (n < wrong)) % 4], session=f"session{n % 20}")
        for n in range(200)
    ]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Both pipelines of this project with a model each, committed on main."""
    for pipeline in ("", "words"):
        (tmp_path / pipeline / "evaluation/head").mkdir(parents=True)
        shutil.copy(ROOT / pipeline / "params.yaml", tmp_path / pipeline)
    write_scores(tmp_path / "evaluation/head/utterances.csv", scores())
    evaluate(tmp_path / "words", answers(wrong=40))
    begin(tmp_path)
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(words, found):
    write_class_scores(words / "evaluation/head/utterances.csv", found)


def compare(*options):
    return CliRunner().invoke(app, ["compare", "HEAD", *options])


def test_in_words_the_error_rate_and_macro_f1_are_set_against_what_git_holds(
    repository, monkeypatch
):
    evaluate(repository / "words", answers(wrong=4))
    monkeypatch.chdir(repository / "words")
    printed = compare().output
    assert "| head, test | 200 | error rate | 20.0 | 2.0 | -18.0 | -" in printed
    assert "| head, test | 200 | macro-F1 | 80.0 | 98.0 | +18.0 | +" in printed
    assert printed.count("✅ better") == 2
    assert "CER" not in printed


def test_at_the_root_texts_come_first_and_classes_after_them(repository):
    evaluate(repository / "words", answers(wrong=4))
    texts, classes = compare().output.split("## words: ")
    assert "- head: the same errors on the same clips." in texts
    assert "error rate" in classes and "error rate" not in texts


def test_a_pipeline_that_was_evaluated_on_one_side_alone_is_reported_and_the_other_compared(
    repository,
):
    shutil.rmtree(repository / "words/evaluation")
    printed = compare()
    assert printed.exit_code == 0
    assert "- head: the same errors on the same clips." in printed.output
    assert "words: working tree has no evaluation/\\<model>/utterances.csv" in printed.output


def test_a_project_with_classes_alone_is_compared_by_them(repository):
    shutil.rmtree(repository / "evaluation")
    commit(repository)
    printed = compare()
    assert printed.exit_code == 0
    assert "## words: " in printed.output


def test_the_gate_of_words_stops_by_its_error_rate_and_says_whose_it_is(repository):
    assert compare("--gate").exit_code == 0
    evaluate(repository / "words", answers(wrong=80))
    stopped = compare("--gate")
    assert stopped.exit_code == 1
    assert "words: head, test: error rate rose by 20.0, from 20.0 to 40.0" in stopped.output
    assert "compare.gate.error_rate allows 1" in stopped.output


def test_each_task_has_the_rules_of_its_own_rates(repository):
    file = repository / "words/params.yaml"
    file.write_text(file.read_text().replace("error_rate: 0.01", "cer: 0.01"))
    printed = compare()
    assert printed.exit_code == 1
    assert "compare.gate.cer is unknown" in printed.output


def test_words_bears_a_rule_that_a_surely_worse_classifier_breaks():
    rules = load_params(CompareClasses, "compare", ROOT / "words/params.yaml")
    assert 0 < rules.gate.error_rate < 0.05


def test_a_model_that_is_but_less_sure_of_the_same_answers_makes_the_same_errors(repository):
    less_sure = [replace(s, probability=0.7) for s in answers(wrong=40)]
    evaluate(repository / "words", less_sure)
    assert compare().output.count("- head: the same errors on the same clips.") == 2


def test_clips_that_are_taken_for_another_class_are_listed_the_newly_wrong_ones_first():
    old = [clip(0, "flat", "rise"), clip(1, "dip", "dip"), clip(2, "dip", "dip")]
    new = [clip(0, "flat", "flat"), clip(1, "dip", "fall", 0.6), clip(2, "dip", "flat", 0.8)]
    found = reclassified([*old, clip(3, "dip", "fall")], [*new, clip(3, "dip", "flat")])
    assert [(r.new.id, r.verdict) for r in found] == [
        *(("test/2", "worse"), ("test/1", "worse")),
        *(("test/0", "better"), ("test/3", "indistinguishable")),
    ]
    assert reclassified(old, old) == []


def test_without_transcripts_the_names_of_classes_are_shown_for_git_holds_them(repository):
    evaluate(repository / "words", answers(wrong=41))
    printed = compare("--no-transcripts").output
    assert "### Changed predictions of head: 1 clips" in printed
    assert "| test/40 | flat | flat | rise | ❌ |" in printed


def test_what_git_holds_of_words_is_found_from_words_as_from_the_root(repository):
    revision = Revision(repository / "words", "HEAD")
    assert revision.models() == ["head"]
    assert revision.scores("head") == Revision(repository / "words").scores("head")
    assert revision.params()["task"] == "classification"
