import numpy as np
import pytest

from voicegraft.embedding.store import Store, write_store
from voicegraft.studies.features import pooled

SIZE, SILENCE = 4, 2
FRAMES = {f"clip{number}": SILENCE + 1 + number % 7 for number in range(300)}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    folder, rng = tmp_path_factory.mktemp("store"), np.random.default_rng(1)
    with write_store(folder, [1, 2], SIZE, FRAMES, {"silence_frames": SILENCE}) as writer:
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
