"""`voicegraft suggest`: which settings are tried, for how long, and trials on states of tones."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from invented import LAYERS
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.model import upstream as upstreams
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.params import load_params
from voicegraft.sweep.suggest import HeadSetting, HeadTrials, affordable, halve, rounds, settings
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit

ROOT = Path(__file__).parent.parent


def test_the_best_is_left_and_every_round_tries_half_as_many_for_twice_as_long():
    asked = []

    def trial(setting, epochs):
        asked.append((setting, epochs))
        return abs(setting - 5) / epochs

    results = list(halve(range(8), trial, 3))
    assert [[t.epochs for t in tried] for tried in results] == [[3] * 8, [6] * 4, [12] * 2]
    assert results[-1][0].setting == 5
    assert len(asked) == 14


def test_one_setting_is_tried_once():
    assert [len(tried) for tried in halve(["only"], lambda *_: 0.5, 3)] == [1]
    assert [rounds(n) for n in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("epochs, count", [(0, 2), (6, 2), (24, 4), (10_000, 12)])
def test_more_time_tries_more_settings_and_always_that_of_the_params(epochs, count):
    found = affordable(range(12), epochs, seed=1)
    assert (found[0], len(found), len(set(found))) == (0, count, count)


@pytest.fixture(scope="module")
def trials(tmp_path_factory, corpus, store):
    """Trials on the states of tones; the network is untrained, as the store's is."""
    folder, config = tmp_path_factory.mktemp("upstream"), upstreams.plugin("random").TINY
    identity = json.dumps({"name": "random", "config": config})
    (folder / upstreams.IDENTITY_FILE).write_text(identity)
    fit = load_params(Fit, "train_head", ROOT / "params.yaml")
    compute = load_params(Compute, "compute", ROOT / "params.yaml")
    return HeadTrials(folder, corpus, store, fit, compute)


def test_all_that_is_stored_can_be_tried_and_what_the_params_say_comes_first(store):
    choice = load_params(HeadChoice, "head", ROOT / "params.yaml")
    choice = choice.model_copy(update={"layer": LAYERS[-1]})
    fit = load_params(Fit, "train_head", ROOT / "params.yaml")
    found = settings(choice, fit, store)
    assert found[0] == HeadSetting(choice.name, LAYERS[-1], fit.lr)
    assert {setting.layer for setting in found} == set(LAYERS)
    assert len(set(found)) == len(found) == 2 * len(LAYERS) * 3


def test_a_trial_learns_from_train_and_says_the_same_twice(trials):
    setting = HeadSetting("ctc_linear", LAYERS[-1], 0.01)
    short, long = trials(setting, 1), trials(setting, 60)
    assert long < 0.7 * short
    assert trials(setting, 1) == short


def test_where_nothing_is_stored_yet_the_command_says_what_to_run(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["suggest"])
    assert result.exit_code == 1
    assert "data/embeddings is not here: run `dvc repro extract_embeddings`" in result.stderr


def test_the_lines_that_are_written_are_of_params_yaml():
    lines = yaml.safe_load(HeadSetting("ctc_linear", 3, 0.002).lines())
    assert lines == {"head": {"name": "ctc_linear", "layer": 3}, "train_head": {"lr": 0.002}}
