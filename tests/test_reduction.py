"""A store of principal components, against scikit-learn's own way there and back."""

import hashlib
import json

import numpy as np
import pytest
import stage_runs
from sklearn.decomposition import PCA
from stage_runs import new_classes

from voicegraft.embedding.reduction import reduce_store
from voicegraft.embedding.store import Store
from voicegraft.embedding.writer import write_store

SIZE, LAYERS = 24, [0, 3]
FRAMES = {f"clip{number}": 5 + number % 9 for number in range(40)}
TRAIN = list(FRAMES)[:30]


def written(folder, directions=SIZE):
    """States that vary along so many directions."""
    rng = np.random.default_rng(1)
    with write_store(folder, LAYERS, SIZE, FRAMES, {}) as store:
        turned = rng.normal(0, 1, (directions, SIZE))
        for clip, frames in FRAMES.items():
            varied = rng.normal(0, 1, (frames, directions)) * np.arange(1, directions + 1)
            store.add(clip, {layer: 7 + varied @ turned / 9 for layer in LAYERS})
    return folder


def all_states(folder, layer, clips=FRAMES):
    store = Store(folder)
    return np.concatenate([store.states(clip, layer) for clip in clips]).astype(np.float32)


def digests(folder):
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("layer", LAYERS)
def test_states_come_back_as_scikit_learn_brings_them_back(tmp_path, layer):
    whole = written(tmp_path / "store")
    pca = PCA(6).fit(all_states(whole, layer, TRAIN))
    states = all_states(whole, layer)
    expected = pca.inverse_transform(pca.transform(states))
    share = reduce_store(whole, TRAIN, 6)[layer]
    np.testing.assert_allclose(all_states(whole, layer), expected, atol=0.05)
    assert share == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-4)


def test_states_of_few_directions_come_back_as_they_were(tmp_path):
    folder = written(tmp_path / "store", directions=5)
    before = all_states(folder, 3)
    assert reduce_store(folder, TRAIN, 5)[3] == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(all_states(folder, 3), before, atol=0.05)


def test_as_much_less_is_on_disk(tmp_path):
    folder = written(tmp_path / "store")
    states = sum(FRAMES.values())
    reduce_store(folder, TRAIN, 6)
    assert [np.load(shard).shape for shard in folder.glob("layer_3/*.npy")] == [(states, 6)]


def test_no_more_components_than_numbers_leave_a_store_as_it_is(tmp_path):
    folder = written(tmp_path / "store")
    before = digests(folder)
    assert reduce_store(folder, TRAIN, SIZE) == {}
    assert digests(folder) == before


def test_the_same_states_make_the_same_bytes(tmp_path):
    folders = [written(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        reduce_store(folder, TRAIN, 6)
    assert digests(folders[0]) == digests(folders[1])


def test_a_classifier_learns_from_a_fraction_of_the_numbers(tmp_path, whisper_folder):
    new_classes(tmp_path, whisper_folder)
    params = stage_runs.params_of("words")
    params["head"] |= {"layer": 3}
    params["extract_embeddings"] |= {"layers": [3], "components": 64}
    stage_runs.write_params(tmp_path, params)
    arguments = "upstream corpus cache embeddings"
    done = stage_runs.run("extract_embeddings", arguments, tmp_path)
    assert "layer 3: 64 components keep 9" in done.stderr
    [shard] = tmp_path.glob("embeddings/layer_3/*.npy")
    assert np.load(shard, mmap_mode="r").shape[1] == 64
    arguments = "upstream corpus embeddings head curves scratch"
    assert stage_runs.run("train_head", arguments, tmp_path).returncode == 0
    assert json.loads((tmp_path / "curves/metrics.json").read_text())["dev"]["error"] < 0.2


@pytest.mark.parametrize("wrong", [0, 1.5, "some"])
def test_a_wrong_number_is_answered_with_what_it_may_be(tmp_path, wrong):
    params = stage_runs.params_of()
    params["extract_embeddings"]["components"] = wrong
    stage_runs.write_params(tmp_path, params)
    done = stage_runs.run("extract_embeddings", "a b c d", tmp_path)
    assert done.returncode == 1
    assert "extract_embeddings.components: must be a number, 1 and up, or all" in done.stderr
