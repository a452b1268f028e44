import os

import numpy as np
import pytest

from voicegraft.embedding.store import Store, StoreWriter

LAYERS, SIZE = [0, 3], 5


def clips(seed=1):
    draw = np.random.default_rng(seed)
    return {
        name: {layer: draw.normal(0, 9, (frames, SIZE)).astype(np.float32) for layer in LAYERS}
        for name, frames in {"b": 4, 'á,"1': 1, "a": 7}.items()
    }


def written(folder, seed=1):
    with StoreWriter(folder, LAYERS, SIZE, {"upstream": "whisper"}) as store:
        for name, states in clips(seed).items():
            store.add(name, states)
    return Store(folder)


def test_what_was_written_is_read_in_half_precision(tmp_path):
    store = written(tmp_path / "store")
    for name, states in clips().items():
        for layer, expected in states.items():
            read = store.states(name, layer)
            assert read.dtype == np.float16
            assert np.array_equal(read, expected.astype(np.float16))
            assert store.frames[name] == len(expected)


def test_states_are_mapped_from_disk_and_not_loaded(tmp_path):
    assert isinstance(written(tmp_path).states("a", 3), np.memmap)


def test_the_store_says_what_it_holds(tmp_path):
    facts = written(tmp_path).facts
    assert facts == {"upstream": "whisper", "layers": LAYERS, "size": SIZE}


def test_a_layer_that_was_not_stored_is_refused_by_those_that_were(tmp_path):
    with pytest.raises(ValueError, match=r"layer 6 .* \[0, 3\].*extract_embeddings\.layers"):
        written(tmp_path).states("a", 6)


def test_the_same_clips_make_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        written(tmp_path / folder)
    names = sorted(os.listdir(tmp_path / "one"))
    assert names == ["index.csv", "layer_0.npy", "layer_3.npy", "store.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def interrupted(folder):
    with pytest.raises(KeyboardInterrupt), StoreWriter(folder, LAYERS, SIZE, {}) as store:
        store.add("new", {layer: np.ones((9, SIZE), np.float32) for layer in LAYERS})
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_nothing_that_opens(tmp_path):
    interrupted(tmp_path)
    assert not list(tmp_path.glob("*.npy")) + list(tmp_path.glob("*.json"))
    with pytest.raises(FileNotFoundError):
        Store(tmp_path)


def test_an_interrupted_write_leaves_the_store_that_was_there(tmp_path):
    written(tmp_path)
    interrupted(tmp_path)
    store = Store(tmp_path)
    assert np.array_equal(store.states("a", 3), clips()["a"][3].astype(np.float16))
    assert "new" not in store.frames


def test_layers_of_a_clip_must_have_the_same_frames(tmp_path):
    with pytest.raises(ValueError), StoreWriter(tmp_path, LAYERS, SIZE, {}) as store:
        store.add("a", {0: np.ones((2, SIZE)), 3: np.ones((3, SIZE))})
        store.add("b", {0: np.ones((2, SIZE)), 3: np.ones((2, SIZE))})
    assert not (tmp_path / "store.json").exists()
