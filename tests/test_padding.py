import pytest
import torch

from voicegraft.model.batches import pad

LENGTHS = [3, 1, 7, 7]


@pytest.fixture
def clips():
    torch.manual_seed(1)
    return [5 + 3 * torch.randn(n, 4) for n in LENGTHS]


def assert_all_equal(some, others):
    assert len(some) == len(others)
    assert all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def test_what_was_padded_comes_back_without_its_padding(clips):
    padded = pad(clips)
    assert padded.values.shape == (4, 7, 4)
    assert padded.lengths.tolist() == LENGTHS
    assert_all_equal(padded.clips(), clips)


def test_the_mask_is_true_on_frames_of_a_clip_alone(clips):
    mask = pad(clips).mask
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[frame < n for frame in range(7)] for n in LENGTHS]


def test_where_nothing_is_padding_there_is_no_mask(clips):
    assert pad(clips[2:]).mask is None
    assert pad(clips[:1]).mask is None


def test_zeroing_clears_padding_and_leaves_clips(clips):
    padded = pad(clips)
    dirty = padded.with_values(torch.where(padded.mask[..., None], padded.values, 9.0))
    assert torch.equal(dirty.zeroed().values, padded.values)
    assert pad(clips[2:]).zeroed().values.equal(pad(clips[2:]).values)


def test_each_clip_is_normalised_over_its_own_frames(clips):
    padded = pad(clips)
    dirty = padded.with_values(torch.where(padded.mask[..., None], padded.values, 1e3))
    for clip, normalised in zip(clips, dirty.normalised().clips(), strict=True):
        deviation = clip.std(0, correction=0)
        torch.testing.assert_close(normalised, (clip - clip.mean(0)) / (deviation**2 + 1e-5).sqrt())


def test_a_clip_of_one_frame_is_normalised_to_zero(clips):
    assert pad(clips).normalised().clips()[1].abs().max() == 0


def test_a_clip_is_normalised_alone_as_in_a_batch(clips):
    together = pad(clips).normalised().clips()
    for alone, batched in zip(clips, together, strict=True):
        torch.testing.assert_close(pad([alone]).normalised().clips()[0], batched)
