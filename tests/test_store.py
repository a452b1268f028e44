import os

import numpy as np
import pytest

from voicegraft.embedding.store import Store
from voicegraft.embedding.writer import write_store

LAYERS, SIZE = [0, 3], 5


def clips(seed=1):
    draw = np.random.default_rng(seed)
    return {
        name: {layer: draw.normal(0, 9, (frames, SIZE)).astype(np.float32) for layer in LAYERS}
        for name, frames in {"b": 4, 'á,"1': 1, "a": 7}.items()
    }


def opened(folder, **frames):
    return write_store(folder, LAYERS, SIZE, frames, {"upstream": "whisper"})


def written(folder, seed=1, order=1):
    frames = {name: len(states[3]) for name, states in clips(seed).items()}
    with opened(folder, **frames) as store:
        for name, states in list(clips(seed).items())[::order]:
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


def test_a_clip_is_read_alone_and_no_map_of_its_shard_is_held(tmp_path):
    states = written(tmp_path).states("a", 3)
    while states.base is not None:
        states = states.base
    assert type(states) is np.ndarray
    assert states.nbytes == 7 * SIZE * 2


def test_the_store_says_what_it_holds(tmp_path):
    facts = written(tmp_path).facts
    assert facts == {"upstream": "whisper", "layers": LAYERS, "size": SIZE}


def test_a_layer_that_was_not_stored_is_refused_by_those_that_were(tmp_path):
    with pytest.raises(ValueError, match=r"layer 6 .* \[0, 3\].*extract_embeddings\.layers"):
        written(tmp_path).states("a", 6)


def test_the_same_clips_make_the_same_bytes_in_whatever_order_they_come(tmp_path):
    for folder, order in {"one": 1, "two": -1}.items():
        written(tmp_path / folder, order=order)
    assert sorted(os.listdir(tmp_path / "one")) == ["index.csv", "layer_0", "layer_3", "store.json"]
    assert len(contents(tmp_path / "one")) == 4
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def interrupted(folder):
    with pytest.raises(KeyboardInterrupt), opened(folder, new=9) as store:
        store.add("new", {layer: np.ones((9, SIZE), np.float32) for layer in LAYERS})
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_nothing_that_opens(tmp_path):
    interrupted(tmp_path)
    assert contents(tmp_path) == {}
    with pytest.raises(FileNotFoundError):
        Store(tmp_path)


def test_an_interrupted_write_leaves_the_store_that_was_there(tmp_path):
    written(tmp_path)
    interrupted(tmp_path)
    store = Store(tmp_path)
    assert np.array_equal(store.states("a", 3), clips()["a"][3].astype(np.float16))
    assert "new" not in store.frames


def test_a_clip_must_have_the_frames_that_were_announced_in_every_layer(tmp_path):
    with pytest.raises(ValueError, match="a: layer 3 has 3 frames"), opened(tmp_path, a=2) as store:
        store.add("a", {0: np.ones((2, SIZE)), 3: np.ones((3, SIZE))})
    assert not (tmp_path / "store.json").exists()


def test_a_store_that_lacks_a_clip_does_not_open(tmp_path):
    with pytest.raises(ValueError, match="1 clips were never added: b"):
        with opened(tmp_path, a=2, b=2) as store:
            store.add("a", {layer: np.ones((2, SIZE)) for layer in LAYERS})
    assert not (tmp_path / "store.json").exists()


def test_the_store_has_the_frames_of_each_clip_without_silence(tmp_path):
    frames = {"long": 9, "short": 2}
    facts = {"silence_frames": 3}
    with write_store(tmp_path, LAYERS, SIZE, frames, facts) as writer:
        for name, count in frames.items():
            writer.add(name, {layer: np.zeros((count, SIZE)) for layer in LAYERS})
    store = Store(tmp_path)
    assert [store.clip_frames(name) for name in frames] == [6, 1]
