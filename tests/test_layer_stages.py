"""Layers: the study that probes them, and the stages on several: tones, Whisper's weights."""

import csv
import json
from pathlib import Path

import pytest
from invented import write_corpus
from test_stages import digests, new_project, quick_params, refusal, run, write_params

from voicegraft.embedding.knobs import head_layer, layers_of
from voicegraft.embedding.store import Store
from voicegraft.model.saved import load_model
from voicegraft.pipeline.tables import read_records
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.probe import Probed, best_layer

SEVERAL = ["extract_embeddings", "train_head", "top3"]
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
    write_params(folder, params(head={"layer": layers}, extract_embeddings={"layers": layers}))
    return run_all([*SEVERAL, *also], folder)


def test_several_layers_go_from_the_knob_into_the_model_and_its_curves(several) -> None:
    assert Store(several / "embeddings").facts["layers"] == [2, 6]
    for name in ("head", "top3"):
        model = load_model(several / name, "cpu")
        assert model.description.layer == (2, 6)
        assert list(model.layer_weights) == [2, 6]
    drawn = several / "curves" / "plots" / "metrics" / "layer"
    assert sorted(path.name for path in drawn.iterdir()) == ["2.tsv", "6.tsv"]


def test_a_model_on_several_layers_takes_audio(several) -> None:
    corpus, model = Corpus(several / "corpus"), load_model(several / "top3", "cpu")
    (emission,) = model.emissions([corpus.wave(corpus.of("test")[0])])
    assert emission.exp().sum(-1).tolist() == pytest.approx([1.0] * len(emission), abs=1e-4)


def test_several_layers_give_the_same_bytes_twice(several, tmp_path, whisper_folder) -> None:
    again = project_on([2, 6], tmp_path, whisper_folder, [])
    assert digests(again) == digests(several)


def test_a_control_with_fewer_layers_is_used_on_its_highest(several) -> None:
    assert Store(several / "log_mel_states").facts["layers"] == [0]
    assert json.loads((several / "control" / "model.json").read_text())["layer"] == 0


@pytest.fixture(scope="module")
def probed(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which every layer was probed."""
    return new_project(tmp_path_factory.mktemp("probed"), whisper_folder)


def test_every_layer_is_probed_and_the_best_is_named_as_the_knob(probed) -> None:
    done = run("probe_layers", probed)
    found = read_records(probed / "layers.csv", Probed)
    assert [p.layer for p in found] == list(range(7))
    assert done.stderr.strip().endswith(f"head.layer: {best_layer(found)}")


def test_the_table_of_the_probe_has_an_interval_around_every_share(probed) -> None:
    with open(probed / "layers.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        low, share, high = (float(row[f"explained{end}"]) for end in ("_low", "", "_high"))
        assert low <= share <= high


def test_a_layer_that_the_upstream_lacks_is_refused_with_those_it_has(
    whisper_folder, tmp_path
) -> None:
    write_params(tmp_path, params(extract_embeddings={"layers": [3, 9]}))
    (tmp_path / "upstream").symlink_to(whisper_folder)
    write_corpus(tmp_path / "corpus")
    line = refusal("extract_embeddings", tmp_path)
    assert all(word in line for word in ("extract_embeddings.layers", "0 to 6", "[9]"))


@pytest.mark.parametrize(
    ("blocks", "wanted", "control", "stored"),
    [
        (6, [3, 6], False, [3, 6]),
        (6, [3, 6], True, [3, 6]),
        (4, [3, 6], True, [3, 4]),
        (0, [3, 6], True, [0]),
    ],
)
def test_of_a_control_that_has_fewer_blocks_the_highest_stands_for_those_above_it(
    blocks, wanted, control, stored
) -> None:
    assert layers_of(blocks, wanted, control) == stored


def test_a_head_on_a_layer_that_is_not_stored_is_refused_with_what_to_add(several) -> None:
    store = Store(several / "embeddings")
    assert head_layer((2, 6), store) == (2, 6)
    assert head_layer(6, store) == 6
    with pytest.raises(ValueError, match=r"head\.layer is \(2, 5\), .* stores \[2, 6\]: add \[5\]"):
        head_layer((2, 5), store)
