"""Self-training as a command, on tones: no pretrained weights, but all that is around them."""

import csv
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import stage_runs
from invented import write_corpus

from voicegraft.model.saved import load_model
from voicegraft.pipeline.params import read_params
from voicegraft.speech.manifest import Corpus, Utterance, write_manifest
from voicegraft.studies.self_training import parted

PATHS = "upstream corpus embeddings model evaluation scratch"
MINUTES = 0.1


def write_params(folder: Path, pipeline: str = "", epochs: int = 4, **knobs: object) -> None:
    params = stage_runs.params_of(pipeline)
    params["extract_embeddings"]["layers"] = [0]
    if not pipeline:
        params["head"]["name"] = "ctc_linear"
    params["train_head"] |= {"epochs": epochs, "patience": 99, "batch_seconds": 2.0, "lr": 0.02}
    params["compute"] |= {"accelerator": "cpu", "precision": "32-true"}
    params["self_train"] |= {"labelled_minutes": MINUTES} | knobs
    stage_runs.write_params(folder, params)


def run(stage: str, paths: str) -> None:
    _, *arguments = stage_runs.command(stage, paths)
    old, sys.argv = sys.argv, arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        assert not end.code, end.code
    finally:
        sys.argv = old


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Tones, whose label is the pitch that they begin with, and their spectrograms."""
    folder = tmp_path_factory.mktemp("made")
    corpus = write_corpus(folder / "corpus", clips=90)
    labelled = [replace(clip, label=f"pitch {clip.text[0]}") for clip in corpus.utterances]
    write_manifest(folder / "corpus/manifest.csv", labelled)
    (folder / "upstream").mkdir()
    identity = {"name": "log_mel", "config": {"bins": 40}}
    (folder / "upstream/upstream.json").write_text(json.dumps(identity))
    write_params(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("extract_embeddings", "upstream corpus cache embeddings")
    return folder


@pytest.fixture
def begin(made: Path, tmp_path: Path, monkeypatch) -> Callable[..., Path]:
    """Makes a project of the tones whose clips are changed first, and works in it."""

    def project(name: str = "project", change=lambda clip: clip, **knobs) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copytree(made / "corpus", folder / "corpus")
        clips = list(map(change, Corpus(made / "corpus").utterances))
        write_manifest(folder / "corpus/manifest.csv", clips)
        for part in ("upstream", "embeddings"):
            (folder / part).symlink_to(made / part)
        write_params(folder, **knobs)
        monkeypatch.chdir(folder)
        return folder

    return project


def bytes_in(*folders: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for folder in folders for p in folder.iterdir()}


def found_in(folder: Path) -> dict:
    return json.loads((folder / "evaluation/metrics.json").read_text())


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_stage_run_twice_gives_the_same_bytes(begin):
    first, again = begin("first"), begin("again")
    for folder in (first, again):
        os.chdir(folder)
        run("self_train", PATHS)
    files = bytes_in(first / "model", first / "evaluation")
    assert files == bytes_in(again / "model", again / "evaluation")
    assert set(files) == {
        *("model.json", "model.safetensors", "metrics.json", "rounds.csv", "confidence.csv")
    }


def test_no_text_of_an_unlabelled_or_a_scored_clip_changes_the_model(begin):
    first = begin("first")
    run("self_train", PATHS)
    known = {clip.id for clip in parted(Corpus(first / "corpus"), MINUTES, seed=1)[0]}

    def spoilt(clip: Utterance) -> Utterance:
        learnt = clip.split == "dev" or clip.id in known
        return clip if learnt else replace(clip, text="ř" * len(clip.text))

    spoiled = begin("spoiled", spoilt)
    run("self_train", PATHS)
    assert bytes_in(first / "model") == bytes_in(spoiled / "model")
    one, other = found_in(first), found_in(spoiled)
    assert one["dev"] == other["dev"] and one["test"] != other["test"]


def test_each_side_has_what_the_student_gained_on_its_teacher_and_on_longer_training(begin):
    folder = begin()
    run("self_train", PATHS)
    found = found_in(folder)
    assert found["rolled_back"] == (found["kept"] != "student")
    assert MINUTES <= found["labelled_minutes"] < MINUTES + 0.02
    for side in ("dev", "test"):
        assert set(found[side]) == {"teacher", "longer"}
        assert found[side]["teacher"]["cer"]["clips"] == len(Corpus(folder / "corpus").of(side))


def test_confidence_bins_are_in_rising_order_and_count_every_pseudo_label(begin):
    folder = begin()
    run("self_train", PATHS)
    rows = table(folder / "evaluation/confidence.csv")
    for split in ("dev", "unlabelled"):
        sure = [float(row["confidence"]) for row in rows if row["split"] == split]
        assert len(sure) == 10 and sure == sorted(sure)
    train = len(Corpus(folder / "corpus").of("train"))
    labelled = len(parted(Corpus(folder / "corpus"), MINUTES, seed=1)[0])
    counts = [int(row["clips"]) for row in rows if row["split"] == "unlabelled"]
    assert sum(counts) == train - labelled


def test_another_round_trains_one_student_and_recalls_the_rest(begin):
    folder = begin()
    run("self_train", PATHS)
    times = {p: p.stat().st_mtime_ns for p in folder.glob("scratch/*/result.safetensors")}
    write_params(folder, rounds=2)
    run("self_train", PATHS)
    after = {p: p.stat().st_mtime_ns for p in folder.glob("scratch/*/result.safetensors")}
    assert len(after) == len(times) + 1
    assert times.items() <= after.items()
    assert [row["round"] for row in table(folder / "evaluation/rounds.csv")] == ["1", "2"]


def test_a_stage_killed_in_mid_run_goes_on_to_the_same_bytes(begin):
    whole, killed = begin("whole", epochs=12), begin("killed", epochs=12)
    command = stage_runs.command("self_train", PATHS)
    running = subprocess.Popen(command, cwd=killed, stderr=subprocess.DEVNULL)
    while not list(killed.glob("scratch/*/last.safetensors")) and running.poll() is None:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    for folder in (killed, whole):
        done = stage_runs.run("self_train", PATHS, folder)
        assert done.returncode == 0, done.stderr
        assert ("going on after epoch" in done.stderr) == (folder == killed)
    assert bytes_in(killed / "model") == bytes_in(whole / "model")


def test_two_processes_that_train_together_leave_whole_files_and_recall_them(begin):
    folder = begin(epochs=1)
    params = read_params(folder / "params.yaml") | read_params(folder / "studies/params.yaml")
    params["compute"] = params["compute"] | {"devices": 2}
    stage_runs.write_params(folder, params)
    command = stage_runs.command("self_train", PATHS)
    found = []
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "damaged" not in done.stderr
        assert ("epoch 1/" in done.stderr) == (not found)
        found.append(bytes_in(folder / "model", folder / "evaluation"))
    assert found[0] == found[1]


def test_classes_are_learnt_from_what_the_classifier_itself_is_sure_of(begin):
    folder = begin(pipeline="words", keep=0.5)
    run("self_train", PATHS)
    found = found_in(folder)
    assert set(found["dev"]) == {"teacher"}
    assert set(found["test"]["teacher"]) == {"error_rate"}
    (row,) = table(folder / "evaluation/rounds.csv")
    unlabelled = len(Corpus(folder / "corpus").of("train")) - 11
    assert int(row["clips"]) == pytest.approx(unlabelled / 2, abs=6)
    clip = Corpus(folder / "corpus").of("test")[0]
    model = load_model(folder / "model", "cpu")
    (emission,) = model.emissions([Corpus(folder / "corpus").wave(clip)])
    assert model.decode(emission).startswith("pitch ")


def test_recordings_that_nobody_transcribed_are_learnt_from_and_not_judged(begin):
    known = set()

    def untold(clip: Utterance) -> Utterance:
        if clip.split != "train" or len(known) < 12:
            known.add(clip.id)
            return clip
        return replace(clip, split="unlabelled", text="", label="")

    folder = begin("project", untold, labelled_minutes="all")
    run("self_train", PATHS)
    assert {row["split"] for row in table(folder / "evaluation/confidence.csv")} == {"dev"}
    (row,) = table(folder / "evaluation/rounds.csv")
    assert int(row["clips"]) > 0 and row["pseudo_label_error"] == ""


def test_a_share_of_nothing_is_refused_by_the_name_of_the_knob(begin):
    begin(keep=0.0)
    with pytest.raises(AssertionError, match="self_train.keep"):
        run("self_train", PATHS)
