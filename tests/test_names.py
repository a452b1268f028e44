"""Names and paths of params.yaml on their way through DVC's templates and a shell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from reproduced import ROOT, begin, copy_code, dvc, ran
from test_pipeline import each_stage

from stages import fetch_model
from voicegraft.pipeline.names import check_names
from voicegraft.pipeline.params import ParamsError, read_params
from voicegraft.speech.manifest import SPLITS, Corpus

CHECK = "python -m voicegraft.pipeline.names"
FOLDER = 'data/my "own" it\'s řeč $(touch pwned) `touch pwned`; touch pwned & ẹ̀kọ́'
HOSTILE = ["a; touch pwned", "$(touch pwned)", "a\ntouch pwned", "a b", "řeč", "-a", "../a", "", 1]


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the project, in which DVC runs; `pwned` would lie in its folder."""
    copy_code(tmp_path)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    begin(tmp_path)
    return tmp_path


def change(project: Path, section: str, **knobs: object) -> None:
    params = yaml.safe_load(yaml.safe_dump(read_params(project / "params.yaml")))
    params[section] |= knobs
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def write_speech(folder: Path, clips: int = 30) -> None:
    folder.mkdir(parents=True)
    lines = [f"{number}.wav,words {number},{'ab'[number % 2]}" for number in range(clips)]
    table = "\n".join(["file_name,transcription,speaker", *lines])
    (folder / "metadata.csv").write_text(table, encoding="utf-8")
    for number in range(clips):
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, 16_000)
        soundfile.write(folder / f"{number}.wav", noise, 16_000)


def test_recordings_may_be_in_a_folder_of_any_name(project):
    write_speech(project / FOLDER)
    change(project, "corpus", name="folder", folder=FOLDER)
    split = read_params(project / "params.yaml")["prepare_data"]["split"]
    change(project, "prepare_data", split=split | {"unseen_share": 0.0, "disjoint": "text"})
    assert ran(dvc(project, "repro", "prepare_data")) == ["prepare_data"]
    assert len(Corpus(project / "data/corpus").of(*SPLITS)) == 30
    assert ran(dvc(project, "repro", "prepare_data")) == []
    (project / FOLDER / "31.wav").touch()  # the folder is watched
    assert FOLDER in dvc(project, "status", "prepare_data")
    assert not list(project.rglob("pwned"))


def test_weights_of_ones_own_may_be_in_a_folder_of_any_name(tmp_path, monkeypatch, whisper_folder):
    source = tmp_path / FOLDER.removeprefix("data/")
    source.symlink_to(whisper_folder)
    upstream = {"name": "whisper", "checkpoint": "base", "source": str(source)}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"upstream": upstream}))
    monkeypatch.chdir(tmp_path)
    fetch_model.main(Path("upstream"), Path("downloads"))
    assert (tmp_path / "upstream/model.bin").is_file()
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("name", ["head; touch pwned", "$(touch pwned)", "head\ntouch pwned"])
def test_a_name_that_a_shell_would_run_is_refused_before_a_shell_sees_it(project, name):
    change(project, "finetune", recipes=[name])
    for folder in ("models/upstream", "models/head", "data/corpus", "data/embeddings"):
        (project / folder).mkdir(parents=True)
    params = (project / "params.yaml").read_text(encoding="utf-8")
    params = yaml.safe_load(params)
    params["finetune"][name] = {}
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", f"finetune@{name}"]
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = os.environ | {"PYTHONPATH": str(project), "PATH": places}
    done = subprocess.run(command, cwd=project, env=own, capture_output=True, text=True)
    assert done.returncode == 255
    assert f"finetune.recipes: a name has small letters, digits and underscores, not {name!r}" in (
        done.stderr
    )
    assert not list(project.rglob("pwned"))


def write_pipeline(folder: Path, names: object) -> Path:
    stages = {
        "train": {"foreach": "${tune.recipes}", "do": {"cmd": "true"}},
        "one": {"cmd": "true"},
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (folder / "params.yaml").write_text(yaml.safe_dump({"tune": {"recipes": names}}))
    return folder / "params.yaml"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_of_other_signs_is_refused_with_the_list_it_is_in(tmp_path, name):
    with pytest.raises(ParamsError, match=r"params\.yaml: tune\.recipes: a name has small letters"):
        check_names(write_pipeline(tmp_path, ["top3", name]))


@pytest.mark.parametrize("names", [3, "top3", None, {"top3": 1}])
def test_where_there_is_no_list_of_names_the_key_is_named(tmp_path, names):
    with pytest.raises(ParamsError, match=r"params\.yaml: tune\.recipes is a list of names, not "):
        check_names(write_pipeline(tmp_path, names))


@pytest.mark.parametrize("knobs", ["tun: 1", "tune: {other: 1}", "tune: [recipes]", "tune:"])
def test_where_the_list_of_names_is_missing_the_key_is_named(tmp_path, knobs):
    params = write_pipeline(tmp_path, [])
    params.write_text(knobs)
    with pytest.raises(ParamsError, match=r"params\.yaml: tune\.recipes is missing"):
        check_names(params)


def test_plain_names_pass_in_both_pipelines_and_in_any_number(tmp_path):
    check_names(write_pipeline(tmp_path, []))
    check_names(write_pipeline(tmp_path, ["top3", "log_mel", "8"]))
    for folder in (ROOT, ROOT / "words"):
        check_names(folder / "params.yaml")


@each_stage
def test_a_shell_is_given_no_value_of_params_yaml_but_names_behind_their_check(stage):
    check, *_ = commands = stage["cmd"]
    templated = any("${" in command for command in commands)
    assert not any("${" in command.replace("${item}", "") for command in commands)
    assert (check == CHECK) == templated
