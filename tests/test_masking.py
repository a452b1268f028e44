import pytest
import torch

from voicegraft.pipeline.params import ParamsError, load_params
from voicegraft.training.fit import Masking, mask

FRAMES, SIZE, RATE = 200, 40, 50  # four seconds
NOTHING = {
    "time_masks_per_second": 0.0,
    "time_mask_frames": 0,
    "size_masks": 0,
    "size_mask_share": 0.0,
}
TIME = {"time_masks_per_second": 1.0, "time_mask_frames": 10}
SIZES = {"size_masks": 2, "size_mask_share": 0.1}


@pytest.fixture
def clip():
    return 3 + torch.randn(FRAMES, SIZE, generator=torch.Generator().manual_seed(1))


def masked(clip, seed=1, **knobs):
    torch.manual_seed(seed)
    return mask(clip, len(clip) / RATE, Masking(**NOTHING | knobs))


def hidden(clip, out):
    """Return where `out` is the clip's mean, (frames, size)."""
    return (out - clip.mean(0)).abs() < 1e-5


def test_zero_knobs_hide_nothing(clip):
    torch.testing.assert_close(masked(clip), clip)
    for unused in ({"time_masks_per_second": 5.0}, {"time_mask_frames": 9}, {"size_masks": 3}):
        torch.testing.assert_close(masked(clip, **unused), clip)


def test_what_is_hidden_is_the_clips_mean_and_the_rest_is_as_it_was(clip):
    out = masked(clip, **TIME, **SIZES)
    gone = hidden(clip, out)
    assert out.shape == clip.shape
    assert 0 < gone.float().mean() < 1
    torch.testing.assert_close(out[~gone], clip[~gone])


def test_time_masks_hide_whole_frames_and_size_masks_whole_dimensions(clip):
    for knobs, axis in [(TIME, 1), (SIZES, 0)]:
        gone = hidden(clip, masked(clip, **knobs))
        assert gone.any()
        assert torch.equal(gone.all(axis), gone.any(axis))


def test_no_more_is_hidden_than_the_knobs_allow(clip):
    for seed in range(100):
        frames = hidden(clip, masked(clip, seed, **TIME)).all(1).sum()
        assert frames <= TIME["time_masks_per_second"] * FRAMES / RATE * TIME["time_mask_frames"]
        sizes = hidden(clip, masked(clip, seed, **SIZES)).all(0).sum()
        assert sizes <= SIZES["size_masks"] * SIZES["size_mask_share"] * SIZE


def test_a_longer_clip_has_more_masks(clip):
    long = clip.repeat(10, 1)
    counts = [
        sum(hidden(c, masked(c, seed, **TIME)).all(1).sum().item() for seed in range(20))
        for c in (clip, long)
    ]
    assert counts[1] == pytest.approx(10 * counts[0], rel=0.3)


def test_the_seed_decides_the_mask(clip):
    first, same, other = (masked(clip, seed, **TIME, **SIZES) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_of_several_layers_the_same_is_hidden_in_each_by_its_own_mean(clip):
    layers = torch.stack([clip, 5 * clip.flip(0)], 1)
    together = masked(layers, **TIME, **SIZES)
    gone = hidden(clip, masked(clip, **TIME, **SIZES))
    for layer, out in zip(layers.unbind(1), together.unbind(1), strict=True):
        torch.testing.assert_close(out, torch.where(gone, layer.mean(0), layer))


def test_the_clip_itself_is_left_alone(clip):
    before = clip.clone()
    masked(clip, **TIME, **SIZES)
    assert torch.equal(clip, before)


def test_a_clip_of_one_frame_and_masks_wider_than_the_clip_are_fine(clip):
    assert masked(clip[:1], **TIME, **SIZES).shape == (1, SIZE)
    out = masked(clip, time_masks_per_second=1.0, time_mask_frames=10**6)
    assert out.isfinite().all()


@pytest.mark.parametrize(
    "wrong", [{"size_mask_share": 1.5}, {"size_masks": -1}, {"time_masks_per_second": 11.0}]
)
def test_a_knob_out_of_its_range_is_refused(tmp_path, wrong):
    file = tmp_path / "params.yaml"
    file.write_text(f"masking: {NOTHING | wrong}")
    with pytest.raises(ParamsError, match=rf"masking\.{next(iter(wrong))}"):
        load_params(Masking, "masking", file)
