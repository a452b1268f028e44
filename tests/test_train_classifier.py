"""The stages that classify, as commands, on tones and Whisper's true weights."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import stage_runs
from stage_runs import new_classes

from voicegraft.model.saved import load_model
from voicegraft.speech.manifest import Corpus

COMMANDS = {
    "extract_embeddings": "upstream corpus cache embeddings",
    "train_head": "upstream corpus embeddings head curves scratch",
    "finetune": "full upstream head corpus embeddings full curves_full full.json scratch_full",
}


def run(stage: str, folder: Path) -> subprocess.CompletedProcess:
    return stage_runs.run(stage, COMMANDS[stage], folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which every stage has run."""
    folder = new_classes(tmp_path_factory.mktemp("classes"), whisper_folder)
    for stage in COMMANDS:
        done = run(stage, folder)
        assert done.returncode == 0, done.stderr
    return folder


def errors_on_test(model: Path, corpus: Corpus) -> int:
    grafted, clips = load_model(model, "cpu"), corpus.of("test")
    emissions = grafted.emissions([corpus.wave(clip) for clip in clips])
    predictions = [grafted.decode(emission) for emission in emissions]
    return sum(predicted != clip.label for predicted, clip in zip(predictions, clips, strict=True))


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "head/model.safetensors").read_bytes()).hexdigest()


def dev_errors(curves: Path) -> list[float]:
    lines = (curves / "plots/metrics/dev/error.tsv").read_text().splitlines()[1:]
    return [float(line.split("\t")[1]) for line in lines]


def test_a_frozen_upstream_and_logistic_regression_tell_pitches_apart(project):
    assert errors_on_test(project / "head", Corpus(project / "corpus")) == 0


def test_what_is_found_without_a_gradient_waits_for_no_library_that_takes_one():
    code = "import sys, stages.train_head; sys.exit('lightning_fabric' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_fine_tuning_starts_where_the_classifier_ended(project):
    assert dev_errors(project / "curves_full")[0] == dev_errors(project / "curves")[0]


def test_a_fine_tuned_classifier_is_one_still(project):
    assert errors_on_test(project / "full", Corpus(project / "corpus")) == 0


def test_twice_gives_the_same_bytes(project, tmp_path, whisper_folder):
    again = new_classes(tmp_path, whisper_folder)
    (again / "embeddings").symlink_to(project / "embeddings")
    assert run("train_head", again).returncode == 0
    assert digest(again) == digest(project)


def test_one_that_is_trained_step_by_step_learns_too(project, tmp_path, whisper_folder):
    again = new_classes(tmp_path, whisper_folder, name="mlp", pooling="attentive_std")
    (again / "embeddings").symlink_to(project / "embeddings")
    done = run("train_head", again)
    assert done.returncode == 0, done.stderr
    curve = dev_errors(again / "curves")
    assert min(curve) < 0.2 < curve[0]


def test_several_layers_are_concatenated(tmp_path, whisper_folder):
    folder = new_classes(tmp_path, whisper_folder, layer=[2, 4])
    params = stage_runs.params_of("words")
    params["extract_embeddings"]["layers"] = params["head"]["layer"] = [2, 4]
    stage_runs.write_params(folder, params)
    for stage in ("extract_embeddings", "train_head"):
        done = run(stage, folder)
        assert done.returncode == 0, done.stderr
    assert load_model(folder / "head").head.classifier.label.in_features == 2 * 2 * 512
    assert errors_on_test(folder / "head", Corpus(folder / "corpus")) == 0


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (
            {"name": "svm"},
            "head.name: 'svm' is not in voicegraft/classifiers: ['discriminants', 'logistic'",
        ),
        ({"pooling": "median"}, "head.pooling must be one of mean, mean_std, mean_slope, thirds"),
        ({"layer": 6}, "head.layer is 6, but extract_embeddings.layers stores [3]: add [6]"),
    ],
)
def test_a_wrong_knob_is_answered_with_the_choices(
    project, tmp_path, whisper_folder, wrong, complaint
):
    again = new_classes(tmp_path, whisper_folder, **wrong)
    (again / "embeddings").symlink_to(project / "embeddings")
    done = run("train_head", again)
    assert (done.returncode, complaint in done.stderr) == (1, True), done.stderr
