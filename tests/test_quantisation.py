"""States in eight bits, against PyTorch's own quantisation by channel."""

import numpy as np
import pytest
import torch

from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.quantisation import FORMATS
from voicegraft.embedding.store import Store
from voicegraft.embedding.writer import write_store
from voicegraft.pipeline.params import read_params

EIGHT, SIZE = FORMATS["int8"], 12


def states(frames=40, seed=1):
    """Return states of which one channel is far larger than the others, and one is silent."""
    drawn = np.random.default_rng(seed).normal(0, 1, (frames, SIZE)).astype(np.float16)
    drawn[:, 3] *= 300
    drawn[:, 5] = 0
    return drawn


def there_and_back(of):
    return EIGHT.unpacked(EIGHT.packed(of))


def test_states_come_back_as_from_torch_with_a_scale_for_each_channel():
    of = torch.from_numpy(states()).float()
    scale = (of.abs().amax(0) / 127).half().float().clamp(min=1e-7)
    zero = torch.zeros(SIZE, dtype=torch.int32)
    expected = torch.fake_quantize_per_channel_affine(of, scale, zero, 1, -127, 127)
    assert np.array_equal(there_and_back(states()), expected.half().numpy())


def test_a_large_channel_takes_nothing_from_the_others_and_a_silent_one_stays_silent():
    of, found = states().astype(np.float32), there_and_back(states()).astype(np.float32)
    assert (np.abs(found - of).max(0) <= 0.51 * np.abs(of).max(0) / 127).all()
    assert not found[:, 5].any()


@pytest.mark.parametrize("peak", [65504.0, 6e-8, 1e-5])
def test_the_largest_and_smallest_numbers_stay_finite_and_within_a_step(peak):
    of = np.full((3, SIZE), peak, np.float16) * np.array([[1], [-1], [0]], np.float16)
    found = there_and_back(of).astype(np.float32)
    assert np.isfinite(found).all()
    assert np.abs(found - of).max() <= max(peak / 127, 1e-5)


def test_a_clip_without_frames_has_none():
    assert there_and_back(states(0)).shape == (0, SIZE)


def written(folder, **facts):
    clips = {f"clip{n}": states(5 + n, n) for n in range(9)}
    frames = {name: len(of) for name, of in clips.items()}
    with write_store(folder, [0, 2], SIZE, frames, facts) as store:
        for name, of in reversed(clips.items()):
            store.add(name, {0: of, 2: -of})
    return Store(folder), clips


def test_a_store_in_eight_bits_has_each_clip_as_if_it_were_alone(tmp_path):
    store, clips = written(tmp_path, states="int8")
    for name, of in clips.items():
        assert store.frames[name] == len(of)
        assert np.array_equal(store.states(name, 0), there_and_back(of))
        assert np.array_equal(store.states(name, 2), there_and_back(-of))


def test_it_takes_half_the_disk_but_for_the_scales(tmp_path):
    for name in FORMATS:
        written(tmp_path / name, states=name)
    sizes = {
        name: sum(np.load(p).nbytes for p in (tmp_path / name).glob("layer_*/*.npy"))
        for name in FORMATS
    }
    scales = 2 * 9 * 2 * SIZE  # layers, clips, bytes
    assert sizes["int8"] == sizes["float16"] / 2 + scales


def test_an_index_of_half_precision_does_not_fit_it(tmp_path):
    written(tmp_path / "half")
    written(tmp_path / "eight", states="int8")
    for name in ("index.csv", "layer_0", "layer_2"):
        (tmp_path / "eight" / name).rename(tmp_path / f"own_{name}")
        (tmp_path / "half" / name).rename(tmp_path / "eight" / name)
    with pytest.raises(ValueError, match=r"index\.csv .* takes do not lie end to end"):
        Store(tmp_path / "eight")


def test_components_in_eight_bits_are_refused_by_name():
    knobs = read_params()["extract_embeddings"] | {"components": 4, "states": "int8"}
    with pytest.raises(ValueError, match="states must be float16 where components is not all"):
        ExtractEmbeddings(**knobs)
