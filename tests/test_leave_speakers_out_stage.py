"""Stages on unseen speakers, with tones and Whisper's true weights."""

import csv
import json
from dataclasses import replace

import pytest
import stage_runs
from stage_runs import new_classes

from voicegraft.model.saved import load_model
from voicegraft.speech.manifest import UNLABELLED, Corpus, write_manifest

COMMANDS = {
    "extract_embeddings": "upstream corpus cache embeddings",
    "train_head": "upstream corpus embeddings head curves scratch",
    "finetune": "full upstream head corpus embeddings full curves_full full.json scratch_full",
    "evaluate": "head corpus evaluation predictions.csv",
    "leave_speakers_out": "corpus embeddings voices.csv",
}


def run(stage, folder):
    return stage_runs.run(stage, COMMANDS[stage], folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory, whisper_folder):
    """A classifier that takes out what is a voice's own."""
    folder = new_classes(tmp_path_factory.mktemp("voices"), whisper_folder, normalise="speaker")
    for stage in ("extract_embeddings", "train_head"):
        done = run(stage, folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_the_model_records_that_it_normalises_by_speaker(project):
    model = load_model(project / "head")
    assert model.description.normalise == "speaker"
    assert model.head.voice.scale.min() > 0


def test_it_is_scored_by_the_voices_of_the_clips(project):
    assert run("evaluate", project).returncode == 0
    found = json.loads((project / "evaluation/rates.json").read_text())
    assert found["test"]["accuracy"] == 1


def test_fine_tuning_it_is_refused_with_what_to_do(project):
    done = run("finetune", project)
    assert done.returncode == 1
    assert "set it to none, or finetune.recipes to []" in done.stderr


def test_one_that_is_trained_step_by_step_cannot_do_it(project, tmp_path, whisper_folder):
    again = new_classes(tmp_path, whisper_folder, name="mlp", normalise="speaker")
    (again / "embeddings").symlink_to(project / "embeddings")
    done = run("train_head", again)
    assert done.returncode == 1
    assert "take head.name: logistic or discriminants" in done.stderr


def test_each_voice_is_left_out_twice_with_the_same_bytes(project):
    tables = []
    for _ in range(2):
        assert run("leave_speakers_out", project).returncode == 0
        tables.append((project / "voices.csv").read_bytes())
    assert tables[0] == tables[1]
    with open(project / "voices.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["speaker"] for row in rows[:4]] == ["", "voice0", "voice1", "voice2"]
    assert {row["adaptation"] for row in rows} == {"none", "normalised", "self-trained"}


def test_clips_of_one_voice_leave_an_empty_table(project, tmp_path, whisper_folder):
    again = new_classes(tmp_path, whisper_folder)
    (again / "embeddings").symlink_to(project / "embeddings")
    manifest = again / "corpus/manifest.csv"
    text = manifest.read_text().replace("voice1", "voice0").replace("voice2", "voice0")
    manifest.write_text(text)
    done = run("leave_speakers_out", again)
    assert done.returncode == 0
    assert "none can be left out" in done.stdout
    assert len((again / "voices.csv").read_text().splitlines()) == 1


def test_clips_without_a_label_are_no_class_of_their_own(project, tmp_path, whisper_folder):
    again = new_classes(tmp_path, whisper_folder)
    (again / "embeddings").symlink_to(project / "embeddings")
    clips = Corpus(again / "corpus").utterances
    nobody_knows = replace(clips[0], split=UNLABELLED, label="")
    write_manifest(again / "corpus/manifest.csv", [nobody_knows, *clips[1:]])
    assert run("leave_speakers_out", again).returncode == 0
    with open(again / "voices.csv", newline="") as file:
        mean = next(csv.DictReader(file))
    assert int(mean["clips"]) == len(clips) - 1
