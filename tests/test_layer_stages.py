"""The stages that choose layers, and those after them on several: tones, Whisper's weights."""

import csv
import json
from pathlib import Path

import pytest
from invented import write_corpus
from test_stages import digests, new_project, quick_params, refusal, run, write_params
from voicegraft.embedding.choice import LayerChoice, chosen, read_choice, write_choice

from voicegraft.embedding.store import Store
from voicegraft.model.grafted import load_model
from voicegraft.pipeline.tables import read_records
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.probe import Probed, best_layer

SEVERAL = ["choose_layers", "extract_embeddings", "train_head", "top3"]
CONTROL = ["build_control", "extract_control", "train_control"]


def params(**sections: dict) -> dict:
    changed = quick_params()
    for section, change in sections.items():
        changed[section] |= change
    return changed


def run_all(stages: list[str], folder: Path) -> Path:
    for stage in stages:
        done = run(stage, folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def several(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which the head hears layers 2 and 6."""
    return project_on([2, 6], tmp_path_factory.mktemp("several"), whisper_folder, CONTROL)


def project_on(layers: list[int], folder: Path, whisper_folder: Path, also: list[str]) -> Path:
    new_project(folder, whisper_folder)
    write_params(folder, params(head={"layer": layers}, extract_embeddings={"layers": "auto"}))
    (folder / "layers.csv").touch()
    return run_all([*SEVERAL, *also], folder)


def test_several_layers_go_from_the_knob_into_the_model_and_its_curves(several) -> None:
    assert read_choice(several / "layers.json") == LayerChoice(head=(2, 6), stored=[2, 6])
    for name in ("head", "top3"):
        model = load_model(several / name, "cpu")
        assert model.description.layer == (2, 6)
        assert list(model.layer_weights) == [2, 6]
    drawn = several / "curves" / "plots" / "metrics" / "layer"
    assert sorted(path.name for path in drawn.iterdir()) == ["2.tsv", "6.tsv"]


def test_a_model_on_several_layers_hears_audio_as_it_is(several) -> None:
    corpus, model = Corpus(several / "corpus"), load_model(several / "top3", "cpu")
    (emission,) = model.emissions([corpus.wave(corpus.of("test")[0])])
    assert emission.exp().sum(-1).tolist() == pytest.approx([1.0] * len(emission), abs=1e-4)


def test_several_layers_give_the_same_bytes_twice(several, tmp_path, whisper_folder) -> None:
    again = project_on([2, 6], tmp_path, whisper_folder, [])
    assert digests(again) == digests(several)


def test_a_control_of_fewer_layers_is_heard_on_the_highest_it_has(several) -> None:
    assert Store(several / "log_mel_states").facts["layers"] == [0]
    assert json.loads((several / "control" / "model.json").read_text())["layer"] == 0


@pytest.fixture(scope="module")
def automatic(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which the layers were left to the probe, and to the recipes."""
    folder = new_project(tmp_path_factory.mktemp("automatic"), whisper_folder)
    changes = {"head": {"layer": "auto"}, "extract_embeddings": {"layers": "auto"}}
    write_params(folder, params(probe_layers={"always": False}, **changes))
    return run_all(["probe_layers", *SEVERAL[:3]], folder)


def test_auto_takes_the_layer_that_the_probe_finds_best_and_stores_the_trunk_below(
    automatic,
) -> None:
    probed = read_records(automatic / "layers.csv", Probed)
    assert [p.layer for p in probed] == list(range(7))
    best = best_layer(probed)
    assert json.loads((automatic / "head" / "model.json").read_text())["layer"] == best
    choice = read_choice(automatic / "layers.json")
    assert choice.stored == Store(automatic / "embeddings").facts["layers"]
    assert choice.stored == sorted({best, *([best - 3] if best >= 3 else [])})


def test_a_layer_of_ones_own_is_not_probed_unless_that_is_asked(automatic, tmp_path) -> None:
    write_params(tmp_path, params(probe_layers={"always": False}))
    for name in ("upstream", "corpus"):
        (tmp_path / name).symlink_to(automatic / name)
    run_all(["probe_layers", "choose_layers"], tmp_path)
    assert read_records(tmp_path / "layers.csv", Probed) == []
    assert read_choice(tmp_path / "layers.json") == LayerChoice(head=6, stored=[3, 6])


def test_the_table_of_the_probe_has_an_interval_around_every_share(automatic) -> None:
    with open(automatic / "layers.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        low, share, high = (float(row[f"foretold{end}"]) for end in ("_low", "", "_high"))
        assert low <= share <= high


def test_a_layer_that_the_upstream_lacks_is_refused_with_those_it_has(
    whisper_folder, tmp_path
) -> None:
    write_params(tmp_path, params())
    (tmp_path / "upstream").symlink_to(whisper_folder)
    write_corpus(tmp_path / "corpus")
    write_choice(tmp_path / "layers.json", LayerChoice(head=9, stored=[3, 9]))
    line = refusal("extract_embeddings", tmp_path)
    assert all(word in line for word in ("head.layer", "0 to 6", "[9]"))


@pytest.mark.parametrize(
    ("layer", "stored", "unfrozen", "expected"),
    [
        (6, [3, 6], [], [3, 6]),
        (6, [], [3], [6]),
        (6, "auto", [3], [3, 6]),
        (6, "auto", [3, 1], [3, 5, 6]),
        ((2, 6), "auto", [3], [2, 6]),
        (2, "auto", [3], [2]),
        (4, [3, 6], [], [3, 4, 6]),
    ],
)
def test_what_is_stored_is_what_is_heard_and_what_is_listed_or_lies_below_the_unfrozen(
    layer, stored, unfrozen, expected
) -> None:
    assert chosen(layer, stored, unfrozen).stored == expected
