"""`voicegraft sweep` on a small DVC project whose scores depend on its knobs."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from reproduced import begin_dvc
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.sweep.grid import GridError, combinations, read_lines

# What the true stages leave of a head, as far as a sweep reads it; lr 9 breaks the training.
STAGE = r"""
import json, os, sys, yaml
import numpy as np
from safetensors.numpy import save_file
params = yaml.safe_load(open("params.yaml"))
lr, layer = params["train_head"]["lr"], params["head"]["layer"]
if lr == 9:
    sys.exit("lr is too high")
open(".voicegraft/cache/runs", "a").write(f"{lr} {layer}\n")
for folder in ("models/head", "evaluation/head/curves/plots/metrics/dev"):
    os.makedirs(folder, exist_ok=True)
weights = {"upstream.x": (500_000 * layer,), "head.weight": (10, layer), "head.bias": (10,)}
save_file({k: np.zeros(s, np.float32) for k, s in weights.items()}, "models/head/model.safetensors")
cer = {"cer": lr / 10, "cer_low": lr / 20, "cer_high": lr / 5, "wer": lr / 2}
json.dump({"test": cer}, open("evaluation/head/rates.json", "w"))
json.dump({"head": {"cer": lr / 10}}, open("evaluation/head/metrics.json", "w"))
curve = f"step\tcer\n0\t1.0\n1\t{lr / 10 + layer / 100}\n"
open("evaluation/head/curves/plots/metrics/dev/cer.tsv", "w").write(curve)
"""
OTHER = """
import shutil
for kind in ("models", "evaluation"):
    shutil.copytree(f"{kind}/head", f"{kind}/other")
"""
PIPELINE = {
    "stages": {
        "train_head": {
            "cmd": "python stage.py",
            "deps": ["stage.py"],
            "params": ["train_head", "head"],
            "outs": ["models/head"],
            "metrics": [{"evaluation/head/metrics.json": {"cache": False}}],
            "plots": [{"evaluation/head/curves": {"cache": False}}],
        },
        "train_other": {
            "cmd": "python other.py",
            "deps": ["models/head"],
            "outs": ["models/other"],
            "metrics": [{"evaluation/other/metrics.json": {"cache": False}}],
            "plots": [{"evaluation/other/curves": {"cache": False}}],
        },
    }
}
PARAMS = """\
corpus: {folder: data/own}
head: {layer: 1}
train_head: {lr: 3}
finetune: {recipes: []}
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A committed project with speech of its own."""
    root = tmp_path_factory.mktemp("begun") / "project"
    (root / "data/own").mkdir(parents=True)
    (root / "stage.py").write_text(STAGE)
    (root / "other.py").write_text(OTHER)
    (root / "dvc.yaml").write_text(json.dumps(PIPELINE))
    (root / "params.yaml").write_text(PARAMS)
    (root / ".gitignore").write_text(".voicegraft\n/data\n")
    begin_dvc(root, "")
    for command in (
        ["git", "init", "--quiet"],
        ["git", "config", "user.name", "a"],
        ["git", "config", "user.email", "a@b"],
        ["git", "add", "--all"],
        ["git", "commit", "--quiet", "--message", "x"],
    ):
        subprocess.run(command, cwd=root, check=True)
    return root


@pytest.fixture
def project(begun, tmp_path, monkeypatch):
    """That project, as it began; the working directory."""
    root = shutil.copytree(begun, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(root)
    return root


def sweep(*knobs, target="train_head"):
    return CliRunner().invoke(app, ["sweep", *knobs, "--target", target])


def ran(project):
    return (project / ".voicegraft/cache/runs").read_text().splitlines()


def test_every_combination_is_run_once_and_the_best_on_dev_stands_first(project):
    done = sweep("train_head.lr=2,1", "head.layer=3")
    assert done.exit_code == 0, done.output
    assert ran(project) == ["2 3", "1 3"]
    lines = read_lines(Path("evaluation/sweep.csv"))
    assert [line.settings for line in lines] == [
        "train_head.lr=1 head.layer=3",
        "train_head.lr=2 head.layer=3",
    ]
    assert (lines[0].dev_cer, lines[0].cer, lines[0].megabytes) == (0.13, 0.1, 6)
    assert "| `train_head.lr=1 head.layer=3` | head | 13.0 | 10.0 (5.0–20.0) | 50.0 | 40 | 6 |" in (
        done.output
    )


def test_a_sweep_that_is_called_again_goes_on_and_adds_to_its_table(project):
    sweep("train_head.lr=1")
    sweep("train_head.lr=1,2")
    assert ran(project) == ["1 1", "2 1"]
    assert len(read_lines(Path("evaluation/sweep.csv"))) == 2


@pytest.mark.usefixtures("project")
def test_the_table_has_all_models_that_the_targets_score_and_no_others():
    sweep("train_head.lr=1")
    sweep("train_head.lr=2", target="train_other")
    lines = read_lines(Path("evaluation/sweep.csv"))
    assert [(line.settings, line.model) for line in lines] == [
        ("train_head.lr=1", "head"),
        ("train_head.lr=2", "head"),
        ("train_head.lr=2", "other"),
    ]


@pytest.mark.usefixtures("project")
def test_one_that_fails_is_named_and_the_others_are_run():
    done = sweep("train_head.lr=9,1")
    assert done.exit_code == 1
    assert "voicegraft: train_head.lr=9: failed" in done.stderr
    lines = read_lines(Path("evaluation/sweep.csv"))
    assert [line.settings for line in lines] == ["train_head.lr=1"]


def test_what_the_user_has_at_hand_stays_as_it_is_and_takes_no_part(project):
    Path("params.yaml").write_text(PARAMS.replace("lr: 3", "lr: 9"))
    assert sweep("head.layer=2").exit_code == 0
    assert "lr: 9" in Path("params.yaml").read_text()
    assert not Path("models").exists()
    assert ran(project) == ["3 2"]


def test_settings_of_one_experiment_do_not_leak_into_the_next(project):
    sweep("train_head.lr=1")
    sweep("head.layer=2")
    assert ran(project) == ["1 1", "3 2"]


@pytest.mark.usefixtures("project")
def test_experiments_are_known_to_dvc_where_the_user_is():
    sweep("train_head.lr=1")
    shown = subprocess.run(["dvc", "exp", "list", "--name-only"], capture_output=True, text=True)
    assert shown.stdout.startswith("sweep-")


def test_what_was_computed_before_is_taken_from_dvcs_cache_though_the_table_is_lost(project):
    for _ in range(2):
        assert sweep("train_head.lr=1").exit_code == 0
        assert len(read_lines(Path("evaluation/sweep.csv"))) == 1
        Path("evaluation/sweep.csv").unlink()
    assert ran(project) == ["1 1"]


def test_a_table_of_another_version_is_named_and_nothing_is_run(project):
    Path("evaluation").mkdir(exist_ok=True)
    Path("evaluation/sweep.csv").write_text("experiment,seconds\nx,1\n")
    done = sweep("train_head.lr=1")
    assert done.exit_code == 1
    assert "evaluation/sweep.csv has the columns experiment, seconds, not" in done.stderr
    assert not (project / ".voicegraft/cache/runs").exists()


def test_a_list_is_one_value_and_a_comma_makes_two():
    assert combinations(["a.b=[3,6]", "c=1,2"]) == [["a.b=[3,6]", "c=1"], ["a.b=[3,6]", "c=2"]]


@pytest.mark.parametrize("knob", ["head.layer", "head.layer=[3"])
def test_a_knob_that_cannot_be_read_is_named(knob):
    with pytest.raises(GridError, match="head.layer.* is not of the form knob=value,value"):
        combinations([knob])
