"""The stage that tells tones apart by a few clips of each pitch."""

import json
from pathlib import Path

import pytest
from staged import read, run, write_params

from voicegraft.pipeline.provenance import named, parse


@pytest.mark.usefixtures("project")
def test_few_shots_of_stored_states_tell_pitches_apart(capsys):
    assert not run("few_shot", "corpus", "embeddings", "few_shot.csv")
    rows = read("few_shot.csv")
    assert [(row["split"], row["shots"]) for row in rows] == [
        *(("test", "1"), ("test", "5"), ("unseen", "1"), ("unseen", "5"))
    ]
    assert float(rows[1]["accuracy_low"]) > 0.6
    assert all(float(row["accuracy_low"]) <= float(row["accuracy"]) for row in rows)
    assert "test, 5 of each class: accuracy" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_a_study_of_the_states_names_the_corpus_and_settings_as_the_evaluation_does():
    assert not run("evaluate", "model", "corpus", "e", "p.csv")
    evaluation = named(json.loads(Path("e/rates.json").read_text()))
    for study in ("few_shot", "leave_classes_out"):
        assert not run(study, "corpus", "embeddings", f"{study}.csv")
        (of,) = {row["of"] for row in read(f"{study}.csv")} or {""}
        assert parse(of) in ({}, {name: evaluation[name] for name in ("corpus", "settings")})
    assert not run("robustness", "model", "corpus", "r.csv", "u.csv")
    assert parse(read("r.csv")[0]["of"]) == evaluation


def test_more_shots_than_a_class_has_clips_are_left_out_by_name(project, capsys):
    write_params(project, shots=[1, 99])
    assert not run("few_shot", "corpus", "embeddings", "few_shot.csv")
    assert "'high' has 16 clips in train: no 99 of each class" in capsys.readouterr().err
    assert {row["shots"] for row in read("few_shot.csv")} == {"1"}


def test_the_same_inputs_give_the_same_bytes(project):
    for name in ("one", "two"):
        run("few_shot", "corpus", "embeddings", f"{name}.csv")
    assert (project / "one.csv").read_bytes() == (project / "two.csv").read_bytes()


def test_the_help_names_what_the_stage_reads_and_writes_and_its_knobs(capsys):
    run("few_shot", "--help")
    text = capsys.readouterr().out
    assert all(word in text for word in ("Reads", "Writes", "Knobs", "unknown_labels", "evaluate"))
