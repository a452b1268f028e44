"""The stage that scores a classifier, on tones of three pitches."""

import json
from pathlib import Path

import pytest
from staged import bytes_in, read, run, write_params

from voicegraft.evaluation.classes.scores import parse_class_scores
from voicegraft.model.saved import load_model
from voicegraft.speech.manifest import Corpus

TABLES = {"utterances", "dev", "unknown", "classes", "slices", "confusion", "calibration"}


def test_the_stage_writes_numbers_and_classes_for_git_and_no_text(project, capsys):
    assert not run("evaluate", "model", "corpus", "evaluation/model", "predictions.csv")
    folder = project / "evaluation" / "model"
    assert set(bytes_in(folder)) == {
        *(f"{name}.csv" for name in TABLES | {"open_set"}),
        "metrics.json",
        "rates.json",
    }
    metrics = json.loads((folder / "rates.json").read_text())
    assert [name for name in metrics if name != "of"] == ["test", "unseen"]
    test = metrics["test"]
    assert (test["clips"], test["classes"], test["open_set"]["unknown_clips"]) == (24, 3, 8)
    assert test["accuracy"] > 0.9 > 0.4 > test["majority"]
    assert test["macro_f1_low"] <= test["macro_f1"] <= test["macro_f1_high"]
    assert test["untrained_classes"] == 0
    assert b"secret" not in b"".join(bytes_in(folder).values())
    assert "test: accuracy" in (printed := capsys.readouterr()).out and "open set" in printed.out
    assert "real-time factor" in printed.err


def test_a_clip_gets_the_prediction_that_the_model_makes_for_it_alone(project):
    run("evaluate", "model", "corpus", "e", "predictions.csv")
    scores = parse_class_scores((project / "e/utterances.csv").read_text())
    model, corpus = load_model(project / "model"), Corpus(project / "corpus")
    clips = {u.id: u for u in corpus.of("test", "unseen") if u.label != "noise"}
    assert [s.id for s in scores] == list(clips)
    for score in scores[:8]:
        (emission,) = model.emissions([corpus.wave(clips[score.id])])
        assert score.predicted == model.labels[int(emission.argmax())]
        assert score.probability == pytest.approx(float(emission.exp().max()), abs=1e-4)


@pytest.mark.usefixtures("project")
def test_unknown_clips_and_dev_lie_apart():
    run("evaluate", "model", "corpus", "e", "predictions.csv")
    assert {row["label"] for row in read("e/unknown.csv")} == {"noise"}
    assert {row["split"] for row in read("e/unknown.csv")} == {"dev", "test", "unseen"}
    assert {row["split"] for row in read("e/dev.csv")} == {"dev"}
    assert "noise" not in {row["label"] for row in read("e/dev.csv")}
    assert len(read("e/confusion.csv")) == len(read("e/utterances.csv"))


def test_without_unknown_labels_what_was_never_learnt_is_the_floor(project):
    write_params(project, unknown=())
    run("evaluate", "model", "corpus", "e", "predictions.csv")
    test = json.loads(Path("e/rates.json").read_text())["test"]
    assert (test["untrained_classes"], test["untrained_floor"]) == (1, 0.25)
    assert test["accuracy"] <= 0.75 and "open_set" not in test
    assert read("e/open_set.csv") == read("e/unknown.csv") == []


def test_the_same_inputs_give_the_same_bytes(project):
    for name in ("one", "two"):
        run("evaluate", "model", "corpus", f"{name}/head", "predictions.csv")
    assert bytes_in(project / "one/head") == bytes_in(project / "two/head")


@pytest.mark.usefixtures("project")
def test_a_model_that_transcribes_is_refused():
    complaint = run("evaluate", "transcriber", "corpus", "e", "predictions.csv")
    assert "a classifier emits one frame for a clip, this model" in complaint
    assert not Path("e").exists()


def test_an_unknown_label_that_no_clip_has_is_refused_with_those_there_are(project):
    write_params(project, unknown=["nosie"])
    complaint = run("evaluate", "model", "corpus", "e", "predictions.csv")
    assert "evaluate.unknown_labels: no clip has the label 'nosie'" in complaint
    assert "high, low, middle" in complaint


@pytest.mark.usefixtures("project")
def test_the_probabilities_of_every_class_are_kept_for_each_clip():
    run("evaluate", "model", "corpus", "e", "p/predictions.csv")
    rows, scores = read("p/predictions.csv"), read("e/utterances.csv") + read("e/dev.csv")
    by_id = {row["id"]: row for row in rows}
    for score in scores:
        row = by_id[score["id"]]
        own = {name: float(row[name]) for name in list(row)[3:]}
        assert sum(own.values()) == pytest.approx(1, abs=1e-5)
        assert max(own, key=own.get) == score["predicted"]


def test_the_help_names_what_the_stage_reads_and_writes_and_its_knobs(capsys):
    run("evaluate", "--help")
    text = capsys.readouterr().out
    assert all(word in text for word in ("Reads", "Writes", "Knobs", "unknown_labels", "evaluate"))
