"""The stage that makes each pitch unknown in turn."""

import pytest
from staged import read, run, write_params


def test_each_pitch_is_left_out_in_turn(project, capsys):
    write_params(project, unknown=())
    assert not run("leave_classes_out", "corpus", "embeddings", "left_out.csv")
    rows = read("left_out.csv")
    assert [(row["split"], row["measure"]) for row in rows][:4] == [
        *(("dev", "probability"), ("test", "probability"), ("unseen", "probability")),
        ("dev", "energy"),
    ]
    assert {row["unknown_clips"] for row in rows} == {"32"}
    assert "test, cosine: equal error rate" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_three_pitches_are_too_few_to_leave_out(capsys):
    assert not run("leave_classes_out", "corpus", "embeddings", "left_out.csv")
    assert "3 classes are too few for 4 folds" in capsys.readouterr().out
    assert read("left_out.csv") == []


def test_the_same_inputs_give_the_same_bytes(project):
    write_params(project, unknown=())
    for name in ("one", "two"):
        run("leave_classes_out", "corpus", "embeddings", f"{name}.csv")
    assert (project / "one.csv").read_bytes() == (project / "two.csv").read_bytes()


def test_the_help_names_what_the_stage_reads_and_writes_and_its_knobs(capsys):
    run("leave_classes_out", "--help")
    text = capsys.readouterr().out
    assert all(word in text for word in ("Reads", "Writes", "Knobs", "unknown_labels", "evaluate"))
