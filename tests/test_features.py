import numpy as np
import pytest

from voicegraft.embedding.choice import pooled, wide
from voicegraft.embedding.store import Store
from voicegraft.embedding.writer import write_store

SIZE, SILENCE = 4, 2
FACTS = {"silence_frames": SILENCE, "upstream": "whisper"}
FRAMES = {f"clip{number}": SILENCE + 1 + number % 7 for number in range(300)}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    folder, rng = tmp_path_factory.mktemp("store"), np.random.default_rng(1)
    with write_store(folder, [1, 2], SIZE, FRAMES, FACTS) as writer:
        for clip, frames in FRAMES.items():
            writer.add(clip, {k: rng.normal(k, 1, (frames, SIZE)) for k in (1, 2)})
    return Store(folder)


def test_layers_are_pooled_side_by_side_without_the_silence_behind_a_clip(store):
    expected = [
        np.concatenate([store.states(clip, k)[:-SILENCE].astype(float).mean(0) for k in (1, 2)])
        for clip in FRAMES
    ]
    np.testing.assert_allclose(pooled(store, list(FRAMES), (1, 2), "mean"), expected, atol=1e-5)


def test_a_way_with_weights_is_refused(store):
    with pytest.raises(ValueError, match="attentive has weights to train"):
        pooled(store, ["clip1"], [1], "attentive")


def test_each_view_has_the_columns_of_its_layers_and_its_pooling(store):
    features, views = wide(store, list(FRAMES), "auto", "auto")
    assert [str(view) for view in views[:4]] == [
        "layer 1 2, mean",
        "layer 1, mean",
        "layer 2, mean",
        "layer 1 2, mean_std",
    ]
    assert len(views) == 9
    for view in views:
        layers = [view.layer] if isinstance(view.layer, int) else view.layer
        expected = pooled(store, list(FRAMES), layers, view.pooling)
        np.testing.assert_allclose(features[:, view.columns], expected, atol=1e-6)


def test_a_given_layer_and_pooling_are_the_only_view(store):
    _, views = wide(store, list(FRAMES), 2, "last")
    assert [str(view) for view in views] == ["layer 2, last"]
    features, views = wide(store, list(FRAMES), 2, "auto")
    assert [view.layer for view in views] == [2, 2, 2]
    assert features.shape == (300, SIZE + 2 * SIZE + 2 * SIZE)
