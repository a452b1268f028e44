"""The stage that has a classifier hear the same tones, recorded worse."""

import json
from pathlib import Path

import pytest
from staged import read, run, write_params

from voicegraft.model.saved import load_model
from voicegraft.pipeline.params import STUDIES_FILE, load_params
from voicegraft.speech.degradation import Condition, DegradedCorpus
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.robustness import Robustness

WORDS = Path(__file__).parent.parent.parent / "words"
PATHS = ("model", "corpus", "e/robustness.csv", "e/utterances.csv")
NOISY = Condition(noise="white", snr_db=-20.0)


def test_the_clean_line_equals_the_evaluation_of_the_test_clips(project):
    assert not run("robustness", *PATHS)
    run("evaluate", "model", "corpus", "scored", "predictions.csv")
    clean, *_ = read("e/robustness.csv")
    test = json.loads((project / "scored/rates.json").read_text())["test"]
    assert float(clean["error_rate"]) == pytest.approx(1 - test["accuracy"], abs=1e-4)
    assert (clean["condition"], clean["clips"]) == ("clean", str(test["clips"]))
    assert clean["change"] == "0.0"


def test_each_condition_is_scored_on_its_degraded_audio(project):
    run("robustness", *PATHS)
    lines = read("e/robustness.csv")
    assert [(line["condition"], line["snr_db"]) for line in lines] == [
        *(("clean", ""), ("white", "20.0"), ("white", "-20.0"), ("band", ""))
    ]
    model, corpus = load_model(project / "model", "cpu"), Corpus(project / "corpus")
    noisy, clips = DegradedCorpus(corpus, NOISY, 1), corpus.of("test")
    known = [clip for clip in clips if clip.label != "noise"]
    predicted = [model.emissions([noisy.wave(clip)])[0].argmax() for clip in known]
    wrong = sum(model.labels[i] != clip.label for i, clip in zip(predicted, known, strict=True))
    assert wrong > 0
    assert float(lines[2]["error_rate"]) == pytest.approx(wrong / len(known), abs=1e-4)
    assert float(lines[2]["change"]) > float(lines[2]["change_low"]) > 0


@pytest.mark.usefixtures("project")
def test_from_the_lines_of_clips_every_rate_is_computed_again():
    run("robustness", *PATHS)
    clips = read("e/utterances.csv")
    for line in read("e/robustness.csv"):
        own = [c for c in clips if all(c[k] == line[k] for k in ("condition", "snr_db"))]
        right = sum(int(c["correct"]) for c in own)
        assert len(own) == int(line["clips"])
        assert float(line["error_rate"]) == pytest.approx(1 - right / len(own), abs=1e-4)
    assert "noise" not in {clip["label"] for clip in clips}


def test_without_unknown_labels_all_clips_are_scored(project):
    write_params(project, unknown=())
    run("robustness", *PATHS)
    assert "noise" in {clip["label"] for clip in read("e/utterances.csv")}


@pytest.mark.usefixtures("project")
def test_the_same_model_gives_the_same_bytes():
    once = []
    for _ in range(2):
        run("robustness", *PATHS)
        once.append([Path(name).read_bytes() for name in PATHS[2:]])
    assert once[0] == once[1]


@pytest.mark.usefixtures("project")
def test_a_model_that_transcribes_is_refused():
    complaint = run("robustness", "transcriber", *PATHS[1:])
    assert "a classifier emits one frame for a clip, this model" in complaint
    assert not Path("e").exists()


def test_there_are_conditions_to_try_a_classifier_in():
    knobs = load_params(Robustness, "robustness", WORDS / STUDIES_FILE)
    assert len(knobs.tested) > 5


def test_the_help_names_what_the_stage_reads_and_writes_and_its_knobs(capsys):
    run("robustness", "--help")
    text = capsys.readouterr().out
    assert all(word in text for word in ("Reads", "Writes", "Knobs", "unknown_labels", "evaluate"))
